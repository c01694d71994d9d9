import assert from "node:assert/strict";
import { before, test } from "node:test";
import { pullModels } from "@heimdex/models";
import { stageLayer } from "@heimdex/sidecar";
import { StageFailure } from "@heimdex/stage-sdk";
import { drawn } from "../testing/pictures.ts";
import { onPictures } from "../testing/run-stage.ts";
import { TEXT_MODEL } from "./text-model.ts";
import { textStage } from "./text-stage.ts";

before(async () => {
  await pullModels(TEXT_MODEL);
});

/** Runs the stage on pictures that stand for a second each. */
async function run(pictures: readonly Uint8Array[], signal?: AbortSignal) {
  const { context, said } = onPictures(pictures, signal);
  const { text } = await textStage.run({ ...context, config: { detection_side: 960, min_confidence: 0.6 } });
  return { text, ...said };
}

const sign = (text: string) =>
  drawn([{ text, x: 100, y: 300, size: 60 }])
    .jpeg()
    .toBuffer();
const failed = (kind: string, reason: string) => (e: unknown) =>
  e instanceof StageFailure && e.kind === kind && e.reason === reason;

test("vision.text: is available once the model is there, and names it", async () => {
  const capability = await textStage.probe?.(AbortSignal.timeout(60_000));
  assert.ok(capability?.available);
  assert.deepEqual(
    capability.models?.map(({ id }) => id),
    [TEXT_MODEL],
  );
});

test("vision.text: keyframes become a valid layer with one item per text over its time", async () => {
  const pictures = await Promise.all([sign("HARBOUR BRIDGE"), sign("HARBOUR  BRIDGE"), sign("CITY HALL")]);
  const { text, partial, cpuMs } = await run(pictures);
  stageLayer.text.parse(text);
  assert.deepEqual(
    text.items.map((item) => [item.text, item.start_ms, item.end_ms, item.frames]),
    [
      ["HARBOUR BRIDGE", 0, 2000, ["kf_0", "kf_1"]],
      ["CITY HALL", 2000, 3000, ["kf_2"]],
    ],
  );
  assert.deepEqual(partial, []);
  assert.ok(cpuMs > 0);
});

test("vision.text: no text and no keyframes give a layer without items", async () => {
  assert.deepEqual((await run([await drawn([]).jpeg().toBuffer()])).text.items, []);
  assert.deepEqual((await run([])).text.items, []);
});

test("vision.text: a broken picture makes the result partial, only broken ones reject the input", async () => {
  const good = await sign("CITY HALL");
  const { text, partial } = await run([good.subarray(0, good.length / 2), good]);
  assert.deepEqual(
    text.items.map((item) => item.text),
    ["CITY HALL"],
  );
  assert.match(partial.join(), /1 of 2 keyframes cannot be read, first kf_0/);
  await assert.rejects(run([Buffer.from("no picture")]), failed("INPUT_REJECTED", "KEYFRAMES_UNREADABLE"));
});

test("vision.text: formats that keyframes never have are not even opened", async () => {
  const svg = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>`);
  await assert.rejects(run([svg]), failed("INPUT_REJECTED", "KEYFRAMES_UNREADABLE"));
});

test("vision.text: stops when it is cancelled", async () => {
  await assert.rejects(run([await sign("CITY HALL")], AbortSignal.abort(new Error("cancelled"))), /cancelled/);
});
