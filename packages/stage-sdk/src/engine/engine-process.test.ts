import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { constants, getPriority } from "node:os";
import { type TestContext, test } from "node:test";
import { EngineError, EngineLost } from "./engine-error.ts";
import { EngineProcess } from "./engine-process.ts";

const ENTRY = new URL("./testing/moody-engine.ts", import.meta.url);

function open(t: TestContext, init: { broken?: boolean } = {}, options = {}) {
  const engine = new EngineProcess<{ broken?: boolean }, string, string>(ENTRY, init, options);
  t.after(() => engine[Symbol.asyncDispose]());
  return engine;
}
const lost = (how: string) => (error: unknown) => error instanceof EngineLost && error.how === how;

test("EngineProcess: starts with the first request and keeps its process", async (t) => {
  const engine = open(t);
  assert.equal(engine.pid, undefined);
  const first = await engine.call("one");
  const { pid } = engine;
  assert.equal(first.value, `one by ${pid}`);
  assert.ok(first.cpuMs >= 0);
  assert.equal((await engine.call("two")).value, `two by ${pid}`);
});

test("EngineProcess: requests made at once are answered in their order by one process", async (t) => {
  const engine = open(t);
  const answers = await Promise.all(["a", "b", "c"].map((request) => engine.call(request)));
  assert.deepEqual(
    answers.map(({ value }) => value),
    ["a", "b", "c"].map((request) => `${request} by ${engine.pid}`),
  );
});

for (const [request, how] of [
  ["crash", "EXITED"],
  ["exit", "EXITED"],
  ["killed", "KILLED"],
] as const) {
  test(`EngineProcess: ${request} costs one request, the next gets a new process`, async (t) => {
    const engine = open(t);
    await engine.call("warm");
    const before = engine.pid;
    const [failed, next] = await Promise.allSettled([engine.call(request), engine.call("next")]);
    assert.ok(failed.status === "rejected" && lost(how)(failed.reason));
    if (request === "crash") assert.match((failed.reason as EngineLost).logTail, /about to crash/);
    assert.ok(next.status === "fulfilled" && next.value.value === `next by ${engine.pid}`);
    assert.notEqual(engine.pid, before);
  });
}

test("EngineProcess: a request beyond its time is ended, even one that never yields", async (t) => {
  const engine = open(t, {}, { timeoutMs: 1500 });
  await engine.start();
  for (const request of ["hang", "spin"]) await assert.rejects(engine.call(request), lost("TIMEOUT"));
  assert.equal((await engine.call("next")).value, `next by ${engine.pid}`);
});

test("EngineProcess: an aborted request rejects with the reason at once, and one not yet begun never runs", async (t) => {
  const engine = open(t, {}, { timeoutMs: 5000 });
  await engine.start();
  const stop = new AbortController();
  const running = engine.call("hang", stop.signal);
  const waiting = engine.call("crash", stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
  await assert.rejects(waiting, /enough/);
  await assert.rejects(engine.call("late", stop.signal), /enough/);
});

test("EngineProcess: the engine's refusal and its bugs come with a code and cost nothing else", async (t) => {
  const engine = open(t);
  await assert.rejects(engine.call("refuse"), (e) => e instanceof EngineError && e.code === "PICTURE_UNREADABLE");
  await assert.rejects(
    engine.call("fail"),
    (e) => e instanceof EngineError && e.code === "ENGINE_FAILED" && /a bug/.test(e.message),
  );
  const { pid } = engine;
  assert.equal((await engine.call("next")).value, `next by ${pid}`);
});

test("EngineProcess: one that cannot load says so, each time", async (t) => {
  const engine = open(t, { broken: true });
  for (let i = 0; i < 2; i++)
    await assert.rejects(engine.start(), (e) => e instanceof EngineError && e.code === "BROKEN");
  assert.equal(engine.pid, undefined);
});

test("EngineProcess: works at a lower priority than its service, unless somebody waits for it", async (t) => {
  const patient = open(t);
  const urgent = open(t, {}, { urgent: true, idleMs: Number.POSITIVE_INFINITY });
  await Promise.all([patient.start(), urgent.start()]);
  const own = getPriority();
  assert.equal(getPriority(urgent.pid as number), own);
  assert.equal(getPriority(patient.pid as number), Math.max(own, constants.priority.PRIORITY_BELOW_NORMAL));
});

test("EngineProcess: ends when idle, and starts again when needed", async (t) => {
  const engine = open(t, {}, { idleMs: 20 });
  await engine.call("one");
  const { pid } = engine;
  while (engine.pid !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  const { value } = await engine.call("two");
  assert.notEqual(value, `two by ${pid}`);
});

test("EngineProcess: disposing twice is fine and leaves no process", async (t) => {
  const engine = open(t);
  await engine.call("one");
  const { pid } = engine;
  await engine[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  assert.throws(() => process.kill(pid as number, 0), { code: "ESRCH" });
});

/** Where nobody collects dead processes (a container whose first process is no init), they stay as zombies. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform === "linux" && /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    if (!["ESRCH", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return true;
  }
}

test("EngineProcess: does not keep its service alive, and goes when the service is killed", async () => {
  const script = (end: string) => `
    import { EngineProcess } from ${JSON.stringify(new URL("./engine-process.ts", import.meta.url).href)};
    const engine = new EngineProcess(new URL(${JSON.stringify(ENTRY.href)}), {});
    await engine.call("one");
    process.stdout.write(String(engine.pid));
    ${end}`;
  for (const end of ["", "process.kill(process.pid, 'SIGKILL')"]) {
    const service = spawn(process.execPath, ["--input-type=module", "-e", script(end)]);
    let printed = "";
    service.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    const [code, signal] = await once(service, "close");
    assert.deepEqual([code, signal], end === "" ? [0, null] : [null, "SIGKILL"]);
    const pid = Number(printed);
    assert.ok(pid > 0);
    while (!isGone(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
