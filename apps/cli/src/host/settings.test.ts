import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startTelemetry } from "@heimdex/telemetry";
import { readSettings, stageModelsVariable, writeStageModels } from "./settings.ts";
import { watchStageModels } from "./watch-settings.ts";

test("settings are read, set, kept where unknown, and refused when they are none", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "heimdex-settings-"));
  t.after(() => rm(root, { recursive: true }));
  assert.deepEqual(await readSettings(root), { stage_models: {}, stage_config: {}, producers: {} });
  await writeFile(join(root, "settings.json"), '{"later": 1}');
  await writeStageModels(root, { "embed.text": "all-minilm-l6-v2" });
  assert.deepEqual(JSON.parse(await readFile(join(root, "settings.json"), "utf8")), {
    later: 1,
    stage_models: { "embed.text": "all-minilm-l6-v2" },
    stage_config: {},
    producers: {},
  });
  for (const [text, where] of [
    ["junk", /settings\.json/],
    ['{"stage_models": {"embed.text": "a,b=c"}}', /stage_models\.embed\.text/],
    ["[]", /settings\.json/],
    ['{"stage_config": {"org.example.pauses": 3}}', /stage_config\.org\.example\.pauses/],
    ['{"producers": {"org.example.mood": "org.example.one"}}', /producers\.org\.example\.mood/],
  ] as const) {
    await writeFile(join(root, "settings.json"), text);
    await assert.rejects(readSettings(root), { id: "CONFIG_INVALID", message: where });
  }
});

test("the settings win over the environment, stage by stage", () => {
  const env = { HEIMDEX_STAGE_MODELS: "a=1, b=2" };
  assert.equal(stageModelsVariable({ b: "3", c: "4" }, env), "a=1,b=3,c=4");
  assert.equal(stageModelsVariable({}, {}), "");
});

test("a host hears of what changes, and of nothing else", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "heimdex-settings-"));
  t.after(() => rm(root, { recursive: true }));
  await using telemetry = startTelemetry("test", { logTo: { write: () => {} } });
  await writeStageModels(root, { a: "1", b: "2" });
  const heard: [object, string[]][] = [];
  let told = Promise.withResolvers<void>();
  using _watch = watchStageModels(root, { a: "1", b: "2" }, telemetry.log, (models, stages) => {
    heard.push([models, [...stages].sort()]);
    told.resolve();
  });
  await writeStageModels(root, { a: "1", c: "3" });
  await told.promise;
  told = Promise.withResolvers();
  await writeFile(join(root, "settings.json"), "half a fil");
  await writeStageModels(root, { c: "3" }).catch(() =>
    writeFile(join(root, "settings.json"), '{"stage_models":{"c":"3"}}'),
  );
  await told.promise;
  assert.deepEqual(heard, [
    [{ a: "1", c: "3" }, ["b", "c"]],
    [{ c: "3" }, ["a"]],
  ]);
});
