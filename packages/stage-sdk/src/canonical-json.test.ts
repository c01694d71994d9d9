import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "./canonical-json.ts";

test("equal values give equal text, whatever the order of their keys", () => {
  const a = { b: [{ z: 1, y: undefined, x: null }], a: "é" };
  const b = { a: "é", b: [{ x: null, z: 1 }] };
  assert.equal(canonicalJson(a), '{"a":"é","b":[{"x":null,"z":1}]}');
  assert.equal(canonicalJson(a), canonicalJson(b));
});

test("keys that look like numbers are sorted as text", () => {
  assert.equal(canonicalJson({ b: 1, 10: 2, 9: [undefined] }), '{"10":2,"9":[null],"b":1}');
});

for (const [value, path] of [
  [{ a: [0, Number.NaN] }, /\$\.a\[1\]/],
  [{ a: { b: 1n } }, /\$\.a\.b/],
  [{ run: () => 0 }, /\$\.run/],
] as const) {
  test(`what JSON cannot hold is refused with its path: ${path}`, () =>
    assert.throws(() => canonicalJson(value), path));
}
