import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { readInstants } from "@heimdex/search";
import type { Sidecar } from "@heimdex/sidecar";
import { sidecarRows } from "./index-rows.ts";

test("a moment has the vectors of its words and of every keyframe that lies in it, with their instants", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-rows-"));
  t.after(() => rm(folder, { recursive: true }));
  await using blobs = await FolderBlobs.open(folder);
  const matrix = Float32Array.of(1, 0, 0.6, 0.8, 0, 1, 0, 0);
  const bytes = Buffer.from(matrix.buffer);
  const key = { tenant: "t", sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
  const given = async function* () {
    yield bytes;
  };
  await blobs.put(key, given(), AbortSignal.timeout(10_000));
  const layer = (space: string, of: string, starts: readonly number[]) => ({
    kind: "embeddings",
    run: `run_${space}`,
    space: { id: space, model: "made", dimension: 2, metric: "cosine" },
    vectors: { sha256: key.sha256, size: key.size },
    items: starts.map((start_ms, vector) => ({
      id: `${of}${start_ms}`,
      start_ms,
      end_ms: start_ms + 10_000,
      of,
      vector,
      ...(of === "keyframe" ? { item: `kf_${start_ms}` } : {}),
    })),
  });
  const scenes = [0, 10_000].map((start_ms) => ({ id: `s${start_ms}`, start_ms, end_ms: start_ms + 10_000 }));
  const sidecar = {
    asset: { id: "a", title: "a.mp4", source: "file:///a.mp4" },
    revision: 3,
    media: { duration_ms: 20_000 },
    runs: [],
    layers: [
      { kind: "scenes", run: "run_scenes", items: scenes },
      // Stands for the time from 8 s on, and was taken at 12 s.
      { kind: "keyframes", run: "run_media.analyze", items: [{ id: "kf_8000", start_ms: 8_000, at_ms: 12_000 }] },
      layer("words", "moment", [10_000]),
      // The last has no direction, so nothing could be compared with it.
      layer("pictures", "keyframe", [0, 9_999, 8_000, 15_000]),
    ],
  } as unknown as Sidecar;
  const rows = await sidecarRows(blobs, "t", sidecar, {});
  assert.deepEqual(
    rows.map(({ start_ms, vectors }) => [start_ms, Object.fromEntries(vectors)]),
    [
      [0, { pictures: [Float32Array.of(1, 0), Float32Array.of(0.6, 0.8)] }],
      [10_000, { words: [Float32Array.of(1, 0)], pictures: [Float32Array.of(0, 1)] }],
    ],
  );
  assert.deepEqual(
    rows.map(({ instants }) => readInstants(instants).vectors),
    [{ pictures: [0, 9_999] }, { words: [10_000], pictures: [12_000] }],
  );
});
