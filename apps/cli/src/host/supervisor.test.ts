import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startTelemetry } from "@heimdex/telemetry";
import { Supervisor } from "./supervisor.ts";

const MIB = 2 ** 20;
const PATIENCE_MS = 60_000;

test("a service that floods its log: the log stays bounded, and its last words are there", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-supervisor-"));
  t.after(() => rm(folder, { recursive: true }));
  const main = join(folder, "flood.mjs");
  const logFolder = join(folder, "logs");
  await writeFile(
    main,
    `import { writeSync } from "node:fs";
    const line = "x".repeat(1_000) + "\\n";
    for (let at = 0; at < 35_000; at++) writeSync(1 + (at % 2), line);
    writeSync(2, "the last words\\n");
    setInterval(() => undefined, 1_000);`,
  );
  await mkdir(logFolder);
  const { log } = startTelemetry("test", { logLevel: "silent", otlpEndpoint: "" });
  await using supervisor = new Supervisor({ env: process.env, logFolder, log });
  supervisor.start({ name: "flood", stages: [], main });
  const text = () => readFile(join(logFolder, "flood.log"), "utf8");
  for (const giveUpMs = performance.now() + PATIENCE_MS; !(await text()).endsWith("the last words\n"); await delay(20))
    assert.ok(performance.now() < giveUpMs, "the last words are written");
  const files = await readdir(logFolder);
  assert.deepEqual(files.sort(), ["flood.log", "flood.log.1"]);
  for (const file of files) assert.ok((await stat(join(logFolder, file))).size < 11 * MIB, file);
});
