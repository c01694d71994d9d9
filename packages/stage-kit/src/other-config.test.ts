import assert from "node:assert/strict";
import { test } from "node:test";
import { otherConfig } from "./other-config.ts";

const schema = (properties: object) => JSON.stringify({ type: "object", properties, additionalProperties: false });

for (const [what, properties, config] of [
  ["a number moves by one within its range", { n: { type: "number", maximum: 3, default: 3 } }, { n: 2 }],
  ["a share goes down to what is allowed", { n: { type: "number", minimum: 0, maximum: 1, default: 1 } }, { n: 0 }],
  ["a switch is turned", { on: { type: "boolean", default: true } }, { on: false }],
  ["another of several words is taken", { word: { enum: ["a", "b"], default: "a" } }, { word: "b" }],
  ["free text stays as it is", { text: { type: "string", default: "x" } }, {}],
] as const) {
  test(`other settings: ${what}`, () => assert.deepEqual(otherConfig(schema(properties)), { config }));
}

test("other settings: without a schema there are none", () => assert.deepEqual(otherConfig(""), { config: {} }));

test("other settings: a property without a default is named", () => {
  assert.match(otherConfig(schema({ n: { type: "number" } })).fault ?? "", /n has no default/);
});

test("other settings: a default that its own schema refuses is named", () => {
  assert.match(otherConfig(schema({ n: { type: "number", minimum: 5, default: 1 } })).fault ?? "", /\/n must be >= 5/);
});
