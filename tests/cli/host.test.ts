import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ffmpeg, folder, heimdex, json, start } from "./heimdex.fixture.ts";
import { errorShape, indexShape } from "./shapes.fixture.ts";

/** Clips that keep the machine busy for a moment each, all different. */
async function clips(t: TestContext, names: readonly string[]): Promise<string[]> {
  const films = await folder(t);
  const paths: string[] = [];
  for (const [at, name] of names.entries()) {
    const path = join(films, `${name}.mp4`);
    const tone = `sine=frequency=${300 + 100 * at}:duration=3`;
    await ffmpeg(
      "-f",
      "lavfi",
      "-i",
      `testsrc2=size=320x180:rate=12:duration=3,hue=h=${40 * at}`,
      "-f",
      "lavfi",
      "-i",
      tone,
      path,
    );
    paths.push(path);
  }
  return paths;
}

async function hostOf(data: string): Promise<{ pid: number; services: string[] }> {
  return JSON.parse(await readFile(join(data, "run", "host.json"), "utf8"));
}

/** Child processes, the system's view. */
const childrenOf = (pid: number): number[] =>
  execFileSync("ps", ["-A", "-o", "ppid=,pid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([parent, child]) => (parent === pid && child !== undefined ? [child] : []));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended but that nobody has waited for is still listed.
    return !execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("Z");
  } catch {
    return false; // both ways to ask fail for a process that is gone
  }
}

test("the first command hosts, the second uses it, and the host stays until the last has ended", async (t) => {
  const [one = "", two = "", three = "", four = ""] = await clips(t, ["one", "two", "three", "four"]);
  const data = join(await folder(t), "archive");
  const first = start(t, ["--data", data, "index", one]);
  while (!existsSync(join(data, "run", "host.json"))) await delay(20);
  const second = start(t, ["--data", data, "--json", "index", two, three, four]);
  await second.line(/media\.probe (RUNNING|OK)/);
  assert.equal((await hostOf(data)).pid, first.pid);
  const order: string[] = [];
  const [a, b] = await Promise.all([
    first.ended.finally(() => order.push("first")),
    second.ended.finally(() => order.push("second")),
  ]);
  assert.deepEqual([a.code, b.code], [0, 0], `${a.stderr}${b.stderr}`);
  assert.deepEqual(order, ["second", "first"]);
  assert.match(a.stderr, /staying for other commands/);
  assert.equal(indexShape.parse(JSON.parse(b.stdout)).assets.length, 3);
});

test("a host killed by SIGKILL takes its services along, and whoever used it takes over and goes on", async (t) => {
  const paths = await clips(t, ["one", "two", "three"]);
  const data = join(await folder(t), "archive");
  const host = start(t, [
    "--data",
    data,
    "up",
    "--http-port",
    "0",
    "--grpc-port",
    "0",
    "--worker-port",
    "0",
    "--data-port",
    "0",
  ]);
  await host.line(/^ready after/);
  const services = childrenOf(host.pid);
  assert.equal(services.length, 4);
  const index = start(t, ["--data", data, "--json", "index", ...paths]);
  await index.line(/media\.analyze RUNNING/);
  host.child.kill("SIGKILL");
  await host.ended;
  await index.line(/RUNNING \(attempt 2\)|SUCCEEDED|: embed\.text OK/);
  assert.equal((await hostOf(data)).pid, index.pid);
  const { code, stdout, stderr } = await index.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    indexShape.parse(JSON.parse(stdout)).assets.map(({ state }) => state),
    ["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"],
  );
  const deadline = performance.now() + 15_000;
  while (services.some(isAlive) && performance.now() < deadline) await delay(100);
  assert.deepEqual(services.filter(isAlive), []);
});

test("Ctrl-C during index keeps the jobs, and watch brings them to their end", async (t) => {
  const paths = await clips(t, ["one", "two"]);
  const data = join(await folder(t), "archive");
  const index = start(t, ["--data", data, "index", ...paths]);
  await index.line(/media\.analyze RUNNING/);
  index.child.kill("SIGINT");
  const stopped = await index.ended;
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /goes on with the next command/);
  const { code, document, stderr } = await json(t, "--data", data, "watch");
  assert.equal(code, 0, stderr);
  assert.ok(indexShape.parse(document).assets.length > 0);
  assert.ok(indexShape.parse(document).assets.every(({ state }) => state === "SUCCEEDED"));
});

test("what keeps a host from starting is said in one clear error", async (t) => {
  const root = await folder(t);
  const port = createServer().listen(0, "127.0.0.1");
  await once(port, "listening");
  t.after(() => port.close());
  const taken = String((port.address() as { port: number }).port);
  const rest = ["--grpc-port", "0", "--worker-port", "0", "--data-port", "0"];
  const inUse = await json(t, "--data", join(root, "a"), "up", "--http-port", taken, ...rest);
  assert.equal(inUse.code, 1);
  assert.equal(errorShape.parse(inUse.document).error.id, "PORT_IN_USE");
  assert.match(inUse.stderr, new RegExp(`port ${taken}`));

  const newer = join(root, "newer");
  await mkdir(newer);
  await writeFile(join(newer, "version.json"), '{"data_version": 999}\n');
  const refused = await json(t, "--data", newer, "search", "anything");
  assert.equal(refused.code, 1);
  assert.equal(errorShape.parse(refused.document).error.id, "DATA_VERSION_NEWER");
  assert.equal((await heimdex(t, "--data", newer, "doctor")).code, 1);

  const file = join(root, "file");
  await writeFile(file, "");
  const unusable = await json(t, "--data", join(file, "below"), "status");
  assert.equal(unusable.code, 1);
  assert.equal(errorShape.parse(unusable.document).error.id, "CONFIG_INVALID");
  assert.doesNotMatch(unusable.stderr, /at .*\.ts:\d+/);
});

test("without ffmpeg the job ends and says so, and goes well once ffmpeg is there", async (t) => {
  const [one = ""] = await clips(t, ["one"]);
  const data = join(await folder(t), "archive");
  const env = { FFMPEG_PATH: "/nonexistent/ffmpeg", FFPROBE_PATH: "/nonexistent/ffprobe" };
  const without = await start(t, ["--data", data, "index", one], { env }).ended;
  assert.equal(without.code, 1, without.stderr);
  assert.match(without.stdout, /NO_FFMPEG.*\[media\.probe\]\n {4}next: .*[Ii]nstall/);
  const doctor = await start(t, ["--data", data, "doctor"], { env }).ended;
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /PROBLEM {2}ffmpeg/);
  const retried = await json(t, "--data", data, "retry", "last");
  assert.equal(retried.code, 0, retried.stderr);
  assert.equal(indexShape.parse(retried.document).assets[0]?.state, "SUCCEEDED");
});
