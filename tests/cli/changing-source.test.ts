import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { itemId } from "@heimdex/sidecar";
import { customLayer, defineStage, serveStages, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { ffmpeg, folder, type heimdex, host, json, start } from "./heimdex.fixture.ts";
import { indexShape } from "./shapes.fixture.ts";

const KIND = "org.example.slow-reader";

test("a file that changes while a stage reads it: that stage's result does not count, other files are indexed, and the next time it is whole", async (t) => {
  const root = await folder(t);
  const [changing, other] = [join(root, "changing.wav"), join(root, "other.wav")];
  await ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=1", changing);
  await ffmpeg("-f", "lavfi", "-i", "sine=frequency=660:duration=1", other);
  const data = join(root, "archive");
  const up = await host(t, data);
  const worker = /workers (\S+?),/.exec(await up.line(/^ready after/))?.[1];
  assert.ok(worker, "the host says where workers find it");

  // A stage that holds its lease on the file until the test has changed it.
  const held = Promise.withResolvers<void>();
  const changed = Promise.withResolvers<void>();
  const slowReader = defineStage({
    name: KIND,
    version: "1.0.0",
    behaviour: 1,
    description: "Reads slowly",
    inputs: { source: source() },
    outputs: { found: customLayer(KIND, { read: z.int() }) },
    slots: 2,
    async run({ sourceName, asset }) {
      if (sourceName === "changing.wav") {
        held.resolve();
        await changed.promise;
      }
      const item = { id: itemId("read", asset, KIND, 0), start_ms: 0, end_ms: 1000, read: 1 };
      return { found: { kind: KIND, version: 1, items: [item] } };
    },
  });
  const stop = new AbortController();
  const serving = serveStages([slowReader], { orchestrator: worker, worker: "test", signal: stop.signal });
  t.after(async () => {
    changed.resolve();
    stop.abort();
    await serving;
  });
  await registered(t, data);

  const indexing = start(t, ["--json", "--data", data, "index", changing, other]);
  await held.promise;
  await appendFile(changing, Buffer.alloc(4096));
  changed.resolve();
  const ended = await indexing.ended;
  assert.equal(ended.code, 1, ended.stderr);
  const { assets } = indexShape.parse(JSON.parse(ended.stdout));
  const of = (path: string) => assets.find((asset) => asset.source === path);
  const refused = of(changing)?.stages.find(({ stage }) => stage === KIND);
  assert.equal(refused?.state, "FAILED", JSON.stringify(of(changing)));
  assert.match(refused.reason, /^SOURCE_CHANGED: .*changing\.wav changed while it was read/);
  assert.notEqual(of(changing)?.state, "SUCCEEDED");
  assert.match(of(changing)?.reason ?? "", /^SOURCE_CHANGED: /);
  assert.equal(of(other)?.state, "SUCCEEDED", JSON.stringify(of(other)));

  const again = await json(t, "--data", data, "index", changing);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(indexShape.parse(again.document).assets[0]?.state, "SUCCEEDED");
});

/** Resolves when the host knows the stage. */
async function registered(t: Parameters<typeof heimdex>[0], data: string): Promise<void> {
  for (;;) {
    const { document } = await json(t, "--data", data, "stages");
    const { stages } = document as { stages: { stage: string; workers: number }[] };
    if (stages.some(({ stage, workers }) => stage === KIND && workers > 0)) return;
  }
}
