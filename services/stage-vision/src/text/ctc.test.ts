import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ctcDecode } from "./ctc.ts";

const alphabet = ["", "a", "b", "c", " "];

/** Probabilities in which `classes[step]` is the likeliest. */
function frames(classes: readonly number[], sure = 0.9): Float32Array {
  const rest = (1 - sure) / (alphabet.length - 1);
  return Float32Array.from(classes.flatMap((best) => alphabet.map((_, c) => (c === best ? sure : rest))));
}
const spell = (classes: readonly number[]) =>
  ctcDecode(frames(classes), classes.length, alphabet)
    .map((c) => c.character)
    .join("");

for (const [name, classes, want] of [
  ["a run counts once", [1, 1, 1], "a"],
  ["a blank parts a doubled letter", [1, 0, 1], "aa"],
  ["only blanks say nothing", [0, 0], ""],
  ["no steps say nothing", [], ""],
  ["blanks around letters vanish", [0, 1, 0, 0, 2, 3, 0], "abc"],
  ["a space parts a doubled letter and is no character", [1, 4, 1], "aa"],
] as const) {
  test(`ctcDecode: ${name}`, () => assert.equal(spell(classes), want));
}

test("ctcDecode: any text comes back, however long each letter and each blank lasts", () => {
  const letter = fc.record({
    at: fc.integer({ min: 1, max: 3 }),
    lasts: fc.integer({ min: 1, max: 4 }),
    blanks: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(letter, { maxLength: 20 }), (letters) => {
      const classes = letters.flatMap(({ at, lasts, blanks }, i) => {
        const doubled = letters[i + 1]?.at === at;
        return [...Array<number>(lasts).fill(at), ...Array<number>(doubled ? Math.max(1, blanks) : blanks).fill(0)];
      });
      assert.equal(spell(classes), letters.map(({ at }) => alphabet[at]).join(""));
    }),
  );
});

test("ctcDecode: a space that loses to the blank is still reported before the next character", () => {
  const row = (values: readonly number[]) => values;
  const map = Float32Array.from([
    ...row([0.1, 0.9, 0, 0, 0]),
    ...row([0.8, 0, 0, 0, 0.2]),
    ...row([0, 0, 0.95, 0, 0.05]),
    ...row([0, 0, 0.5, 0.5, 0]),
  ]);
  const [a, b] = ctcDecode(map, 4, alphabet);
  assert.equal(a?.spaceBefore, 0);
  assert.ok(Math.abs((b?.spaceBefore ?? 0) - 0.2) < 1e-6);
  assert.ok(Math.abs((b?.probability ?? 0) - 0.95) < 1e-6);
  assert.equal(b?.step, 2);
});
