import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { type Job, newJob, type Step } from "@heimdex/kernel";
import { Estimates } from "./estimates.ts";

const step = { stage: "made.one", models: [] };
const ended = (wallMs: number): Job =>
  newJob({
    id: "j_1",
    tenant: "default",
    sourceUri: "file:///films/a.mp4",
    facts: { has_audio: true, has_video: true, has_subtitles: false, duration_ms: 1_000 },
    steps: [{ ...step, state: "OK", wallMs } as unknown as Step],
  });

test("what replicas learn side by side adds up", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-estimates-"));
  const catalog = await SqliteCatalog.open(join(folder, "catalog.sqlite"));
  t.after(async () => {
    await catalog[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  const [a, b] = [await Estimates.open(catalog), await Estimates.open(catalog)];
  a.learn(ended(100));
  b.learn(ended(300));
  await Promise.all([a.flush(), b.flush()]);
  a.learn(ended(500));
  await a.flush();
  assert.deepEqual((await Estimates.open(catalog)).of(step, 0), { ms: 300, samples: 3 });
  assert.deepEqual(a.of(step, 0), { ms: 300, samples: 3 });
});
