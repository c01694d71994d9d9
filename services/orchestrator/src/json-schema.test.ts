import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSchema } from "./json-schema.ts";

const schema = (type: string) =>
  JSON.stringify({ $id: "https://example.org/layer", $defs: { item: { $id: "item", type } }, items: { $ref: "item" } });

test("two schemas of one $id each mean their own", () => {
  const [numbers, texts] = [compileSchema(schema("number")), compileSchema(schema("string"))];
  for (const [validate, value] of [
    [numbers, [1]],
    [texts, ["a"]],
  ] as const) {
    assert.ok(validate(value));
    assert.ok(!(validate === numbers ? texts : numbers)(value));
  }
  assert.ok(compileSchema(schema("number"))([2]), "and may come again");
});

test("what is no schema is refused, and the next one is not concerned", () => {
  for (const text of ["{", "null", '{"type": "texts"}', '{"$ref": "https://example.org/layer"}'])
    assert.throws(() => compileSchema(text), text);
  assert.ok(compileSchema('{"type": "string"}')("a"));
});

test("a schema that calls itself the schema of schemas changes nothing for the next, nor does their number", () => {
  const id = "https://json-schema.org/draft/2020-12/schema";
  assert.ok(!compileSchema(JSON.stringify({ $id: id, type: "string" }))(1));
  for (let at = 0; at < 300; at++) assert.ok(compileSchema(JSON.stringify({ $id: id, const: at }))(at));
  assert.throws(() => compileSchema('{"type": "texts"}'), /schema is invalid/);
});
