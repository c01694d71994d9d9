import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FakeOrchestrator } from "../fake-orchestrator.fixture.ts";

test("the README's stage runs as a program of its own and measures a tone that becomes quieter", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sdk-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const film = join(folder, "film.wav");
  const tone = ["-f", "lavfi", "-i", "sine=frequency=1000:duration=3", "-af", "volume=-30dB:enable='gte(t,1)'"];
  execFileSync("ffmpeg", ["-v", "error", ...tone, film]);
  await using server = await FakeOrchestrator.start();
  const program = fileURLToPath(new URL("loudness.ts", import.meta.url));
  const env = { ...process.env, HEIMDEX_ORCHESTRATOR: server.address, HEIMDEX_LOG_LEVEL: "warn" };
  const worker = spawn(process.execPath, [program], { stdio: ["ignore", "inherit", "inherit"], env });
  const exited = once(worker, "exit");
  const lease = server.offer({
    stage: "org.example.loudness",
    inputs: [server.remote("source", await readFile(film))],
  });
  const { outcome } = await server.finished(lease);
  assert.equal(outcome?.$case, "completed");
  const [output] = outcome.value.outputs;
  assert.equal(output?.content?.$case, "inline");
  const { items } = JSON.parse(output.content.value.toString());
  assert.deepEqual(
    items.map((item: { start_ms: number; end_ms: number }) => [item.start_ms, item.end_ms]),
    [
      [0, 1_000],
      [1_000, 2_000],
      [2_000, 3_000],
    ],
  );
  assert.ok(items[0].lufs - items[2].lufs > 25, JSON.stringify(items));
  worker.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});

test("the README shows the example as it is", async () => {
  const [readme, example] = await Promise.all(
    ["../../README.md", "loudness.ts"].map((file) => readFile(new URL(file, import.meta.url), "utf8")),
  );
  assert.ok(readme?.includes(`\`\`\`ts file=loudness.ts\n${example}\`\`\`\n`));
});
