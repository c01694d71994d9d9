import assert from "node:assert/strict";
import { test } from "node:test";
import { MODELS, type ModelEntry } from "@heimdex/models";
import { modelSettings, stagesUsing } from "./model-setting.ts";

const [any] = MODELS;
assert.ok(any);
const model = (id: string, profile: "bundled" | "standard", stages: string[], choice = true): ModelEntry => ({
  ...any,
  id,
  profiles: [profile],
  stages,
  choice,
});
const models = [
  model("vad", "bundled", ["hear"], false),
  model("ears", "bundled", ["hear"]),
  model("better-ears", "standard", ["hear"]),
  model("best-ears", "standard", ["hear"]),
  model("eyes", "bundled", ["see"]),
  model("teller", "standard", ["tell", "name"]),
];
const set = (what: string, now: Record<string, string> = {}, env = {}) =>
  modelSettings(what, now, env, models).map(({ stage, from, to }) => `${stage}: ${from} > ${to}`);

test("a profile sets each stage to the first model it has for it; what it has none for stays", () => {
  assert.deepEqual(set("standard"), ["hear: ears > better-ears", "name:  > teller", "tell:  > teller"]);
  assert.deepEqual(set("bundled", { hear: "best-ears", tell: "teller" }), [
    "hear: best-ears > ears",
    "name:  > ",
    "see: eyes > eyes",
    "tell: teller > ",
  ]);
});

test("a model sets all its stages, STAGE=ID one of them", () => {
  assert.deepEqual(set("teller"), ["tell:  > teller", "name:  > teller"]);
  assert.deepEqual(set("tell=teller"), ["tell:  > teller"]);
  assert.deepEqual(set("best-ears", {}, { HEIMDEX_STAGE_MODELS: "hear=better-ears" }), [
    "hear: better-ears > best-ears",
  ]);
});

for (const [what, help] of [
  ["nobody", /ears.*Profiles: bundled, standard/],
  ["see=best-ears", /eyes/],
  ["smell=eyes", /hear, name, see, tell/],
  ["vad", /./],
  ["hear=vad", /./],
] as const) {
  test(`refused: ${what}`, () => assert.throws(() => set(what), { id: "INVALID_ARGUMENT", help }));
}

test("a model is in use where it is set, and where nothing else is", () => {
  assert.deepEqual(stagesUsing("ears", {}, {}, models), ["hear"]);
  assert.deepEqual(stagesUsing("ears", { hear: "best-ears" }, {}, models), []);
  assert.deepEqual(stagesUsing("best-ears", { hear: "best-ears" }, {}, models), ["hear"]);
});
