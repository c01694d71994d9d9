import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LogFile } from "./host/log-file.ts";
import { formatLogLine, parseLogLine } from "./log-lines.ts";
import { readSince, tailFile } from "./tail-file.ts";
import { PLAIN } from "./ui/style.ts";

test("a line of ours reads as time, level, log, what happened, and facts", () => {
  const line = parseLogLine(
    "stage-media",
    '{"level":"warn","time":"2026-03-01T10:00:00.123Z","service":"stage-media","job":"j_1","n":3,"msg":"slow\\ndisk"}',
  );
  assert.equal(formatLogLine(line, PLAIN), "2026-03-01 10:00:00.123 WARN  stage-media  slow\\ndisk job=j_1 n=3");
});

test("an error's message and stack follow below", () => {
  const line = parseLogLine(
    "host",
    '{"level":"error","time":"2026-03-01T10:00:00.123Z","msg":"no","err":{"message":"disk gone","stack":"Error: disk gone\\n    at f (x.ts:1)"}}',
  );
  assert.match(formatLogLine(line, PLAIN), /no\n {4}disk gone\n {4}at f \(x\.ts:1\)$/);
});

test("what is no line of ours is kept as it is, at the time of the line before", () => {
  for (const text of ["Segmentation fault", "{broken", '{"other":"json"}']) {
    assert.deepEqual(parseLogLine("stage-asr", text, "T"), { log: "stage-asr", time: "T", entry: { msg: text } });
  }
});

test("tail reads whole lines from the end, and goes on where it stopped, also after the log started anew", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-log-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "x.log");
  const long = "x".repeat(100_000);
  await writeFile(path, `one\n${long}\nthree\nhal`);
  assert.deepEqual((await tailFile(path, 2)).lines, [long, "three"]);
  assert.deepEqual((await tailFile(path, 50)).lines, ["one", long, "three"]);
  const { end } = await tailFile(path, 0);
  assert.deepEqual((await readSince(path, end)).lines, []);
  await appendFile(path, "f\n");
  const more = await readSince(path, end);
  assert.deepEqual(more.lines, ["half"]);
  await writeFile(path, "new\n");
  assert.deepEqual((await readSince(path, more.end)).lines, ["new"]);
});

test("a log that has grown large starts anew when more is written, and the one before is kept", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-log-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "x.log");
  await writeFile(path, "0123456789");
  new LogFile(path, 10)[Symbol.dispose]();
  assert.equal(await readFile(path, "utf8"), "0123456789");
  {
    using log = new LogFile(path, 9);
    log.write("new\n");
  }
  assert.deepEqual([await readFile(path, "utf8"), await readFile(`${path}.1`, "utf8")], ["new\n", "0123456789"]);
});
