import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { tlsConfig } from "@heimdex/access";
import { SystemServiceDefinition } from "@heimdex/contracts/v1/system";
import { ChannelCredentials, createChannel, createClient, Metadata } from "nice-grpc";
import { Authority, type Certificate } from "./certificates.fixture.ts";
import { openPlatform } from "./platform.fixture.ts";

const HEIMDEX = fileURLToPath(new URL("../../heimdex", import.meta.url));
const WORKER = fileURLToPath(new URL("./worker.fixture.ts", import.meta.url));

/** A platform with TLS on every port, which asks clients for certificates where `mutual` says so. */
async function open(t: TestContext, mutual: boolean) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const authority = await Authority.create(folder, "ours");
  const server = await authority.issue("server");
  const tls = { cert: server.cert, key: server.key, ...(mutual ? { clientCa: await authority.cert() } : {}) };
  const platform = await openPlatform(t, {
    gateway: { tls },
    orchestrator: { tls: tlsConfig.parse(tls) },
    worker: "apart",
  });
  const client = await authority.issue("client");
  const stranger = await (await Authority.create(folder, "strangers")).issue("client");
  return { ...platform, scratch: folder, authority, client, stranger };
}

type Platform = Awaited<ReturnType<typeof open>>;

const portOf = (address: string) => Number(address.split(":").at(-1));

/** The HTTP status with these certificates, or the code of what went wrong. */
async function httpStatus({ gateway, authority }: Platform, key: string, certificate?: Certificate) {
  const asked = request({
    host: "localhost",
    port: portOf(gateway.httpAddress),
    path: "/v1/status",
    ca: await authority.cert(),
    headers: { authorization: `Bearer ${key}` },
    agent: false,
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
  });
  asked.end();
  try {
    const [response] = (await once(asked, "response")) as [{ statusCode: number; resume(): void }];
    response.resume();
    return response.statusCode;
  } catch {
    return "refused";
  }
}

/** Whether a gRPC call with these certificates is answered. */
async function grpcAnswers({ gateway, authority }: Platform, secret: string, certificate?: Certificate) {
  const pair = certificate && { key: Buffer.from(certificate.key), cert: Buffer.from(certificate.cert) };
  const credentials = ChannelCredentials.createSsl(
    Buffer.from(await authority.cert()),
    pair?.key ?? null,
    pair?.cert ?? null,
  );
  const channel = createChannel(`https://localhost:${portOf(gateway.grpcAddress)}`, credentials);
  try {
    await createClient(SystemServiceDefinition, channel).getStatus(
      {},
      { metadata: Metadata({ authorization: `Bearer ${secret}` }) },
    );
    return "answered";
  } catch (reason) {
    return (reason as { code?: number }).code === 14 ? "refused" : reason;
  } finally {
    channel.close();
  }
}

/** Runs `./heimdex --endpoint`, with nothing in its environment but what it is given. */
async function cli({ gateway, scratch, authority }: Platform, env: NodeJS.ProcessEnv, ...args: string[]) {
  const address = `https://localhost:${portOf(gateway.grpcAddress)}`;
  const { PATH, HOME } = process.env;
  const given = { PATH, HOME, XDG_STATE_HOME: scratch, NODE_EXTRA_CA_CERTS: authority.certFile, ...env };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(HEIMDEX, ["--endpoint", address, ...args], { env: given, cwd: scratch }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

/** Runs a worker over TLS until a job of its has succeeded. */
async function work(t: TestContext, platform: Platform, env: NodeJS.ProcessEnv) {
  const { orchestrator, authority, scratch, issue, registered, index } = platform;
  const keyFile = join(scratch, "stage.key");
  await writeFile(keyFile, `${(await issue("*", "stage")).secret}\n`);
  const child = spawn(process.execPath, [WORKER], {
    env: {
      PATH: process.env.PATH,
      HEIMDEX_ORCHESTRATOR: `https://localhost:${portOf(orchestrator.workerAddress)}`,
      HEIMDEX_STAGE_KEY_FILE: keyFile,
      HEIMDEX_SCRATCH: join(scratch, "attempts"),
      HEIMDEX_LOG_LEVEL: "error",
      NODE_EXTRA_CA_CERTS: authority.certFile,
      ...env,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await registered();
  await index("acme", "film.bin", "some footage");
  child.kill("SIGTERM");
  await once(child, "close");
}

test("with TLS the gateway, the workers' port and the data port are reached by those who trust its authority", async (t) => {
  const platform = await open(t, false);
  const { secret } = await platform.issue("acme", "viewer");
  assert.equal(await httpStatus(platform, secret), 200);
  assert.equal(await httpStatus(platform, ""), 401);
  assert.equal(await grpcAnswers(platform, secret), "answered");
  await assert.rejects(fetch(`http://${platform.gateway.httpAddress}/healthz`));
  await work(t, platform, {});
});

test("where clients must show a certificate, a key alone is not enough, and a stranger's certificate none", async (t) => {
  const platform = await open(t, true);
  const { client, stranger } = platform;
  const { secret } = await platform.issue("acme", "viewer");
  for (const [certificate, status, answer] of [
    [client, 200, "answered"],
    [stranger, "refused", "refused"],
    [undefined, "refused", "refused"],
  ] as const) {
    assert.equal(await httpStatus(platform, secret, certificate), status);
    assert.equal(await grpcAnswers(platform, secret, certificate), answer);
  }
  const shown = { HEIMDEX_TLS_CLIENT_CERT_FILE: client.certFile, HEIMDEX_TLS_CLIENT_KEY_FILE: client.keyFile };
  await work(t, platform, shown);
  const ls = await cli(platform, { ...shown, HEIMDEX_KEY: secret }, "--json", "assets", "ls");
  assert.equal(ls.code, 0, ls.stderr);
});

test("the command line works through a gateway elsewhere with a key from a file, and says what it cannot do there", async (t) => {
  const platform = await open(t, false);
  await work(t, platform, {});
  const keyFile = join(platform.scratch, "admin.key");
  const { secret } = await platform.issue("acme", "admin");
  await writeFile(keyFile, `${secret}\n`, { mode: 0o600 });
  const run = (...args: string[]) => cli(platform, { HEIMDEX_KEY_FILE: keyFile }, ...args);
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run("--json", ...args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const { assets } = await json("assets", "ls");
  assert.equal(assets.length, 1);
  assert.equal((await json("jobs")).jobs.length, 1);
  const status = await json("status");
  assert.deepEqual([status.assets, status.data, status.running], [1, "", true]);
  assert.equal((await json("sidecar", assets[0].asset)).asset.id, assets[0].asset);
  const made = await json("keys", "create", "desk", "--role", "viewer");
  const again = await json("index", join(platform.folder, "films", "acme", "film.bin"));
  assert.equal(again.assets[0].state, "SUCCEEDED");
  await json("search", "footage");

  const viewer = await cli(platform, { HEIMDEX_KEY: made.secret }, "--json", "assets", "rm", assets[0].asset);
  assert.equal(viewer.code, 1);
  assert.match(viewer.stdout, /PERMISSION_DENIED/);
  const none = await cli(platform, {}, "--json", "assets", "ls");
  assert.match(none.stdout, /UNAUTHENTICATED/);
  for (const command of [["up"], ["demo"], ["logs"], ["models", "use", "bundled"]]) {
    const refused = await run(...command);
    assert.equal(refused.code, 2, command.join(" "));
    assert.match(refused.stderr, /data directory of this machine/);
  }
  assert.equal((await run("--data", "x", "status")).code, 2);
  await json("assets", "rm", assets[0].asset);
  assert.deepEqual((await json("assets", "ls")).assets, []);
});
