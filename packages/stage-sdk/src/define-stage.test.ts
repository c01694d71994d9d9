import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { bytes, customLayer, defineStage, layer, many, optional, source } from "./index.ts";
import { manifestOf } from "./manifest.ts";

const good = {
  name: "org.example.loudness",
  version: "1.2.0",
  behaviour: 1,
  description: "How loud it is.",
  inputs: { source: source(), audio: optional(bytes("audio/wav", "heimdex.audio")) },
  outputs: { shots: layer("shots"), pictures: many(bytes("image/jpeg", "org.example.picture")) },
  config: z.object({ threshold: z.number().min(-70).max(0).default(-23), model: z.enum(["a", "b"]).default("a") }),
  run: async () => {
    throw new Error("not run here");
  },
};

test("the manifest holds the ports by name, the configuration's JSON Schema and the defaults of the rest", () => {
  const { configSchema, ...manifest } = manifestOf(defineStage(good));
  assert.deepEqual(
    manifest.inputs.map(({ name, schema, major, many, optional }) => [name, schema, major, many, optional]),
    [
      ["audio", "heimdex.audio", 1, false, true],
      ["source", "heimdex.source", 1, false, false],
    ],
  );
  assert.deepEqual(
    manifest.outputs.map(({ name, mediaType, many }) => [name, mediaType, many]),
    [
      ["pictures", "image/jpeg", true],
      ["shots", "application/json", false],
    ],
  );
  assert.deepEqual(manifest.resources, { cpu: 1, memoryMib: 512, gpu: false });
  assert.deepEqual(manifest.timeouts, { attemptMs: 0, stallMs: 0 });
  const schema = JSON.parse(configSchema);
  assert.equal(schema.properties.threshold.default, -23);
  assert.equal(schema.required, undefined);
  assert.deepEqual(JSON.parse(manifestOf(defineStage({ ...good, config: undefined })).configSchema), {
    type: "object",
    properties: {},
    additionalProperties: false,
  });
});

test("a custom layer says in its JSON Schema what of it is searched", () => {
  const fields = { lufs: z.number().meta({ "x-heimdex-search": "number" }) };
  const stage = defineStage({
    ...good,
    outputs: { loudness: customLayer("org.example.loudness", fields, 2) },
    run: async () => ({
      loudness: {
        kind: "org.example.loudness",
        version: 2,
        items: [{ id: "l1", start_ms: 0, end_ms: 400, lufs: -20.5 }],
      },
    }),
  });
  const [port] = manifestOf(stage).outputs;
  assert.deepEqual([port?.schema, port?.major], ["org.example.loudness", 2]);
  const { properties } = JSON.parse(port?.layerSchema ?? "").properties.items.items;
  assert.equal(properties.lufs["x-heimdex-search"], "number");
  assert.ok("start_ms" in properties);
});

for (const [field, change] of [
  ["name", { name: "loudness" }],
  ["name", { name: "Org.Example" }],
  ["version", { version: "1.2" }],
  ["behaviour", { behaviour: 0 }],
  ["description", { description: "" }],
  ["slots", { slots: 257 }],
  ["inputs", { inputs: {} }],
  ["outputs", { outputs: {} }],
  ["inputs.Source", { inputs: { Source: source() } }],
  ["outputs.a.mediaType", { outputs: { a: bytes("jpeg", "org.example.a") } }],
  ["outputs.a.schema", { outputs: { a: bytes("image/jpeg", "picture") } }],
  ["outputs.a.schema", { outputs: { a: customLayer("example.loudness", {}) } }],
  ["outputs.a.major", { outputs: { a: bytes("image/jpeg", "org.example.a", 0) } }],
  ["conditions[0]", { conditions: ["has_smell"] }],
  ["resources.cpu", { resources: { cpu: 0 } }],
  ["timeouts.stallMs", { timeouts: { stallMs: 0.5 } }],
  ["attempts", { attempts: 0 }],
  ["config", { config: z.string().default("") }],
  ["config.threshold", { config: z.object({ threshold: z.number() }) }],
  ["config.threshold", { config: z.object({ threshold: z.number().optional() }) }],
  ["config", { config: z.object({ since: z.date().default(new Date(0)) }) }],
] as const) {
  test(`defineStage: STAGE_INVALID names ${field} of ${JSON.stringify(change, (_, v) => (v instanceof z.ZodType ? "schema" : v))}`, () => {
    assert.throws(
      () => defineStage({ ...good, ...change } as unknown as typeof good),
      (error) => {
        assert.ok(error instanceof HeimdexError);
        assert.equal(error.id, "STAGE_INVALID");
        assert.deepEqual(
          error.fields.map((violation) => violation.field),
          [field],
        );
        return true;
      },
    );
  });
}
