import assert from "node:assert/strict";
import { test } from "node:test";
import { choicesFor, chosenModel } from "./chosen-model.ts";
import { MODELS } from "./manifest.ts";
import type { ModelEntry } from "./manifest-schema.ts";

const [first] = MODELS;
assert.ok(first);
const model = (id: string, profile: "bundled" | "standard", stage: string, choice?: boolean): ModelEntry => ({
  ...first,
  id,
  profiles: [profile],
  stages: [stage],
  ...(choice === undefined ? {} : { choice }),
});
const models = [
  model("helper", "bundled", "hear", false),
  model("large", "standard", "hear"),
  model("small", "bundled", "hear"),
  model("captions", "standard", "describe"),
];
const chosen = (stage: string, set?: string) => chosenModel(stage, { HEIMDEX_STAGE_MODELS: set }, models);

test("nothing set: the bundled choice, and none where no model is bundled", () => {
  assert.equal(chosen("hear"), "small");
  assert.equal(chosen("hear", ""), "small");
  assert.equal(chosen("describe"), undefined);
});

test("what is set counts, for its stage only", () => {
  assert.equal(chosen("hear", " hear=large , describe=captions"), "large");
  assert.equal(chosen("describe", "hear=large,describe=captions"), "captions");
  assert.equal(chosen("hear", "describe=captions"), "small");
});

test("a profile stands for its first choice for each stage that is not named, whatever the order", () => {
  assert.equal(chosen("hear", "standard"), "large");
  assert.equal(chosen("describe", "standard"), "captions");
  for (const set of ["standard,hear=small", "hear=small, standard"]) {
    assert.equal(chosen("hear", set), "small");
    assert.equal(chosen("describe", set), "captions");
  }
  assert.equal(chosen("hear", "bundled,"), "small");
  assert.equal(chosen("describe", "bundled"), undefined);
  const bundledAlone = models.filter(({ profiles }) => profiles.includes("bundled"));
  assert.equal(chosenModel("hear", { HEIMDEX_STAGE_MODELS: "standard" }, bundledAlone), "small", "it has none");
});

test("a setting that cannot be meant is refused, naming what could be", () => {
  for (const set of ["hear=captions", "hear=helper", "hear=nothing"])
    assert.throws(() => chosen("hear", set), { id: "CONFIG_INVALID", help: /large, small/ });
  for (const set of ["hear", "=small", "hear=", "hear=small=large"])
    assert.throws(() => chosen("hear", set), { id: "CONFIG_INVALID", message: /neither STAGE=ID nor a profile/ });
});

test("PocketSphinx hears where nothing is set; the voice detector is no choice", () => {
  assert.equal(chosenModel("asr.transcribe", {}), "pocketsphinx-en-us");
  assert.ok(choicesFor("asr.transcribe").every(({ id }) => id !== "silero-vad"));
});
