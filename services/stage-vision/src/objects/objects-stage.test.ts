import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, test } from "node:test";
import { pullModels } from "@heimdex/models";
import { stageLayer } from "@heimdex/sidecar";
import { StageFailure } from "@heimdex/stage-sdk";
import { crowd, people } from "../testing/people.ts";
import { drawn } from "../testing/pictures.ts";
import { onPictures } from "../testing/run-stage.ts";
import { createObjectsStage } from "./objects-stage.ts";

before(async () => {
  await pullModels(["human-centernet", "human-faces"]);
});
const stage = createObjectsStage({ threads: 1 });
const settings = { min_confidence: 0.3, max_objects_per_keyframe: 50 };

async function run(pictures: readonly Uint8Array[], more: Partial<typeof settings> = {}, signal?: AbortSignal) {
  const { context, said } = onPictures(pictures, signal);
  const out = await stage.run({ ...context, config: { ...settings, ...more } });
  stageLayer.objects.parse(out.objects);
  return { ...out, said };
}
const failed = (kind: string, reason: string) => (e: unknown) =>
  e instanceof StageFailure && e.kind === kind && e.reason === reason;

test("vision.objects: is available once the model is there, and names it", async () => {
  const capability = await stage.probe?.(AbortSignal.timeout(60_000));
  assert.ok(capability?.available);
  assert.deepEqual(
    capability.models?.map(({ id }) => id),
    ["human-centernet"],
  );
});

test("vision.objects: people on keyframes in a row are one item with their number, and each sighting is in the tracks", async () => {
  const { objects, tracks, said } = await run([
    await crowd(),
    await people(0),
    await drawn([]).jpeg().toBuffer(),
    await crowd(),
  ]);
  const persons = objects.items.filter(({ label }) => label === "person");
  assert.deepEqual(
    persons.map(({ start_ms, end_ms, end_pts }) => [start_ms, end_ms, end_pts]),
    [
      [0, 2000, 180_000],
      [3000, 4000, 360_000],
    ],
  );
  assert.ok((persons[0]?.count ?? 0) >= 4 && (persons[0]?.confidence ?? 0) > 0.4);
  const bytes = tracks !== undefined && "bytes" in tracks ? tracks.bytes : Buffer.alloc(0);
  assert.equal(objects.tracks?.sha256, createHash("sha256").update(bytes).digest("hex"));
  const lines = Buffer.from(bytes)
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(lines.filter(({ item, ms }) => item === persons[0]?.id && ms === 0).length, persons[0]?.count);
  assert.deepEqual(said.partial, []);
  assert.ok(said.cpuMs > 0 && said.done === 4);
});

test("vision.objects: nothing seen and no keyframes give a layer without items", async () => {
  for (const pictures of [[await drawn([]).jpeg().toBuffer()], []]) {
    assert.deepEqual(await run(pictures).then(({ objects, tracks }) => [objects, tracks]), [
      { kind: "objects", version: 1, items: [] },
      undefined,
    ]);
  }
});

test("vision.objects: a broken picture makes the result partial, only broken ones reject the input", async () => {
  const good = await crowd();
  const { objects, said } = await run([good, good.subarray(0, good.length / 2)]);
  assert.ok(objects.items.length > 0);
  assert.match(said.partial.join(), /1 of 2 keyframes cannot be read, first kf_1/);
  await assert.rejects(run([Buffer.from("no picture")]), failed("INPUT_REJECTED", "KEYFRAMES_UNREADABLE"));
});

test("vision.objects: the surest are kept where there are more than asked for", async () => {
  const { objects } = await run([await crowd()], { max_objects_per_keyframe: 1 });
  assert.deepEqual(
    objects.items.map(({ label, count }) => [label, count]),
    [["person", 1]],
  );
});

test("vision.objects: stops when it is cancelled", async () => {
  await assert.rejects(run([await crowd()], {}, AbortSignal.abort(new Error("cancelled"))), /cancelled/);
});
