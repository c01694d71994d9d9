import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createChannel, createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { FakeOrchestrator } from "./fake-orchestrator.fixture.ts";

const WORKER = fileURLToPath(new URL("worker.fixture.ts", import.meta.url));
const HOST = fileURLToPath(new URL("host.fixture.ts", import.meta.url));
const STAGE = "org.example.note";

async function world(t: TestContext) {
  const server = await FakeOrchestrator.start();
  const scratch = await mkdtemp(join(tmpdir(), "sdk-test-"));
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true });
  });
  const env = {
    ...process.env,
    HEIMDEX_ORCHESTRATOR: server.address,
    HEIMDEX_SCRATCH: scratch,
    HEIMDEX_LOG_LEVEL: "silent",
  };
  return { server, scratch, env };
}

function offer(server: FakeOrchestrator, text: string) {
  return server.offer({ stage: STAGE, inputs: [server.inline("note", Buffer.from(JSON.stringify({ text })))] });
}

function renewed(server: FakeOrchestrator) {
  return server.until(() => server.requests.renew.some(({ renewals }) => renewals.length > 0));
}

for (const [name, text, graceMs, outcome] of [
  ["lets an attempt end within the grace time", "end when stopping", 60_000, "completed"],
  ["gives an attempt back that does not end within the grace time", "go on until aborted", 20, "released"],
] as const) {
  test(`SIGTERM ${name}, closes the session and exits 0`, async (t) => {
    const { server, scratch, env } = await world(t);
    const worker = spawn(process.execPath, [WORKER], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...env, GRACE_MS: `${graceMs}` },
    });
    const exited = once(worker, "exit");
    const lease = offer(server, text);
    await renewed(server);
    worker.kill("SIGTERM");
    assert.equal((await server.finished(lease)).outcome?.$case, outcome);
    await server.until(() => server.requests.closed.length === 1);
    assert.deepEqual(await exited, [0, null]);
    assert.deepEqual(await readdir(scratch), []);
  });
}

test("a second SIGTERM ends the worker at once", async (t) => {
  const { server, env } = await world(t);
  const worker = spawn(process.execPath, [WORKER], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...env, GRACE_MS: "60000" },
  });
  const exited = once(worker, "exit");
  offer(server, "go on until aborted");
  await renewed(server);
  worker.kill("SIGTERM");
  const polls = server.requests.renew.length;
  await server.until(() => server.requests.renew.length > polls + 1);
  worker.kill("SIGTERM");
  assert.deepEqual(await exited, [null, "SIGTERM"]);
});

test("a supervised worker ends when its supervisor is killed with SIGKILL: no orphan, its work is given back", async (t) => {
  const { server, env } = await world(t);
  const host = spawn(process.execPath, [HOST, WORKER], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...env, GRACE_MS: "60000" },
  });
  const [line] = await once(host.stdout, "data");
  const pid = Number(line);
  const lease = offer(server, "go on until aborted");
  await renewed(server);
  host.kill("SIGKILL");
  assert.equal((await server.finished(lease)).outcome?.$case, "released");
  await server.until(() => server.requests.closed.length === 1);
  while (isAlive(pid)) await wait(10);
});

test("a supervised worker whose server died with its supervisor ends too", async (t) => {
  const { server, env } = await world(t);
  const host = spawn(process.execPath, [HOST, WORKER], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...env, GRACE_MS: "60000" },
  });
  const [line] = await once(host.stdout, "data");
  const pid = Number(line);
  offer(server, "go on until aborted");
  await renewed(server);
  server.down();
  host.kill("SIGKILL");
  while (isAlive(pid)) await wait(10);
});

/** A zombie counts as ended: its parent was killed, and whoever inherits it may take its time to notice. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (reason) {
    if (["ESRCH", "ENOENT"].includes((reason as NodeJS.ErrnoException).code ?? "")) return false;
    throw reason;
  }
}

test("HEIMDEX_HEALTH_ADDRESS: it is serving once all its stages are registered, and no longer when it drains", async (t) => {
  const { server, env } = await world(t);
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const worker = spawn(process.execPath, [WORKER], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...env, GRACE_MS: "60000", HEIMDEX_HEALTH_ADDRESS: address, LATE_STAGE: "true" },
  });
  const exited = once(worker, "exit");
  const lease = offer(server, "end when stopping");
  await renewed(server);
  const channel = createChannel(address);
  t.after(() => channel.close());
  const health = createClient(HealthDefinition, channel);
  const status = async () => (await health.check({ service: "" })).status;
  assert.equal(await status(), NOT_SERVING, "one of two stages works");
  worker.kill("SIGUSR2");
  while ((await status()) === NOT_SERVING) await wait(10);
  assert.equal(await status(), SERVING);
  assert.equal(server.requests.register.length, 2);
  worker.kill("SIGTERM");
  // It may have ended before it is asked again.
  while ((await status().catch(() => NOT_SERVING)) === SERVING) await wait(10);
  await server.finished(lease);
  await exited;
});

/** Of grpc.health.v1; the package keeps its name to itself. */
const [SERVING, NOT_SERVING] = [1, 2];

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
