import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Authority } from "../access/certificates.fixture.ts";

const GATEWAY = "services/gateway/src/main.ts";
const ORCHESTRATOR = "services/orchestrator/src/main.ts";
const WORKER = "services/stage-embed/src/main.ts";
const CLI = "apps/cli/src/main.ts";

/** Random texts that nothing may print, each by the name of what it is used for. */
class Seeds {
  readonly #values: string[] = [];

  get(prefix = ""): string {
    const value = `${prefix}${randomBytes(24).toString("base64url")}`;
    this.#values.push(value);
    return value;
  }

  /** Fails where `printed` has one of them: as it is, or as base64, hexadecimal or part of a URL. */
  assertAbsentFrom(printed: string, what: string): void {
    for (const [at, value] of this.#values.entries())
      for (const form of [value, value.slice(4), encodeURIComponent(value), base64(value), hex(value)])
        assert.ok(!printed.includes(form), `${what} prints secret ${at}: ${printed.replaceAll(form, "<<<here>>>")}`);
  }
}

const base64 = (text: string) => Buffer.from(text).toString("base64").slice(0, -4);
const hex = (text: string) => Buffer.from(text).toString("hex");

/** Runs a program until it ends, or has printed what `until` matches and been told to stop. @returns all that it printed */
async function run(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  until?: RegExp,
): Promise<{ printed: string; code: number | null }> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, args, {
    env: { PATH, HOME, HEIMDEX_LOG_LEVEL: "trace", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  const take = (chunk: Buffer) => {
    printed += chunk.toString();
    if (until?.test(printed)) child.kill("SIGTERM");
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const [code] = await once(child, "close");
  if (until !== undefined) assert.match(printed, until);
  return { printed, code };
}

/** Accepts connections and ends them: a server that is there and is not what is looked for. */
async function brokenServer(t: TestContext): Promise<string> {
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  return `127.0.0.1:${port}`;
}

async function cluster(t: TestContext, seeds: Seeds, server: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-secrets-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), `${text}\n`);
    return join(folder, name);
  };
  return {
    HEIMDEX_CATALOG_URL_FILE: await file(
      "catalog",
      `mongodb://heimdex:${seeds.get()}@${server}/?serverSelectionTimeoutMS=300`,
    ),
    HEIMDEX_BUS_URL: `nats://${server}`,
    HEIMDEX_BUS_USER: "heimdex",
    HEIMDEX_BUS_PASSWORD: seeds.get(),
    HEIMDEX_BLOBS_ENDPOINT: `http://${server}`,
    HEIMDEX_BLOBS_ACCESS_KEY: seeds.get(),
    HEIMDEX_BLOBS_SECRET_KEY_FILE: await file("blobs", seeds.get()),
    HEIMDEX_SIGNING_KEY: `${seeds.get("k".repeat(8))}\n${seeds.get("k".repeat(8))}`,
    HEIMDEX_STAGE_KEY_FILE: await file("stage", `${seeds.get()} ${seeds.get()}`),
    HEIMDEX_ADMIN_KEY: seeds.get(),
    HEIMDEX_AUTH_REQUIRED: "true",
    HEIMDEX_DATA_URL: "http://127.0.0.1:8483",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${server}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${seeds.get()}`,
  };
}

for (const main of [GATEWAY, ORCHESTRATOR])
  test(`${main} prints no secret while its servers are away, at the most talkative level`, async (t) => {
    const seeds = new Seeds();
    const env = await cluster(t, seeds, await brokenServer(t));
    const { printed } = await run(t, [main], env, /waiting for the catalog/);
    assert.match(printed, /"\*\*\*"/);
    seeds.assertAbsentFrom(printed, main);
  });

for (const main of [GATEWAY, ORCHESTRATOR])
  test(`${main} prints no secret of settings it refuses: malformed, and in production unsafe; it names each`, async (t) => {
    const seeds = new Seeds();
    const env = await cluster(t, seeds, "catalog.example:70000");
    const malformed = await run(t, [main], env);
    assert.notEqual(malformed.code, 0);
    seeds.assertAbsentFrom(malformed.printed, main);
    const short = seeds.get().slice(0, 9);
    const reused = seeds.get("a".repeat(8));
    const { printed, code } = await run(t, [main], {
      ...env,
      HEIMDEX_ENV: "production",
      HEIMDEX_AUTH_REQUIRED: "false",
      HEIMDEX_BUS_PASSWORD: short,
      HEIMDEX_BLOBS_ACCESS_KEY: "minioadmin",
      HEIMDEX_SIGNING_KEY: `${reused} ${reused}`,
      HEIMDEX_DATA_URL: "http://orchestrator:8483",
    });
    assert.notEqual(code, 0);
    const own = main === GATEWAY ? ["HEIMDEX_REFLECTION"] : ["HEIMDEX_DATA_URL"];
    for (const name of [
      "HEIMDEX_CATALOG_URL",
      "HEIMDEX_BUS_URL",
      "HEIMDEX_BUS_PASSWORD",
      "HEIMDEX_BLOBS_ENDPOINT",
      "HEIMDEX_BLOBS_ACCESS_KEY",
      "HEIMDEX_SIGNING_KEY",
      "HEIMDEX_AUTH_REQUIRED",
      "HEIMDEX_TLS_CERT",
      ...own,
    ])
      assert.match(printed, new RegExp(`${name}: `), name);
    assert.ok(!printed.includes(short));
    seeds.assertAbsentFrom(printed, main);
  });

test("a worker prints no stage key, nor what of its settings production refuses", async (t) => {
  const seeds = new Seeds();
  const folder = await mkdtemp(join(tmpdir(), "heimdex-secrets-"));
  t.after(() => rm(folder, { recursive: true }));
  const certificate = await (await Authority.create(folder, "authority")).issue("worker");
  const env = {
    HEIMDEX_ORCHESTRATOR: await brokenServer(t),
    HEIMDEX_STAGE_KEY: seeds.get(),
    HEIMDEX_TLS_CLIENT_CERT_FILE: certificate.certFile,
    HEIMDEX_TLS_CLIENT_KEY_FILE: certificate.keyFile,
  };
  const away = await run(t, [WORKER], env, /orchestrator away/);
  seeds.assertAbsentFrom(away.printed, WORKER);
  assert.doesNotMatch(away.printed, /PRIVATE KEY/);
  const { printed, code } = await run(t, [WORKER], {
    ...env,
    HEIMDEX_ENV: "production",
    HEIMDEX_ORCHESTRATOR: "orchestrator:8482",
    HEIMDEX_STAGE_KEY: "changeme-changeme-changeme-changeme",
  });
  assert.notEqual(code, 0);
  assert.match(printed, /HEIMDEX_ORCHESTRATOR: /);
  assert.match(printed, /HEIMDEX_STAGE_KEY: /);
  assert.doesNotMatch(printed, /changeme-/);
});

test("the command line prints no key: not in doctor, nor for a gateway that is away or that production refuses", async (t) => {
  const seeds = new Seeds();
  const folder = await mkdtemp(join(tmpdir(), "heimdex-secrets-"));
  t.after(() => rm(folder, { recursive: true }));
  const env = {
    XDG_STATE_HOME: folder,
    HEIMDEX_ADMIN_KEY: seeds.get(),
    HEIMDEX_STAGE_KEY: seeds.get(),
    HF_TOKEN: seeds.get("hf_"),
  };
  const doctor = await run(t, [CLI, "doctor", "--data", folder], env);
  assert.match(doctor.printed, /node/i);
  seeds.assertAbsentFrom(doctor.printed, "doctor");
  const remote = { ...env, HEIMDEX_KEY: seeds.get(), HEIMDEX_ENDPOINT: await brokenServer(t) };
  for (const args of [["status"], ["status", "--json"], ["keys", "ls"]]) {
    const away = await run(t, [CLI, ...args], remote);
    assert.notEqual(away.code, 0);
    seeds.assertAbsentFrom(away.printed, args.join(" "));
  }
  const { printed, code } = await run(t, [CLI, "status"], {
    ...remote,
    HEIMDEX_ENV: "production",
    HEIMDEX_ENDPOINT: "gateway.example:8481",
  });
  assert.notEqual(code, 0);
  assert.match(printed, /HEIMDEX_ENDPOINT: TLS/);
  seeds.assertAbsentFrom(printed, "status");
});
