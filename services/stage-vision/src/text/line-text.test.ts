import assert from "node:assert/strict";
import { test } from "node:test";
import { lineText } from "./line-text.ts";

/** `|` is a space that the network half sees, `_` one that it is sure of. Letters are 3 steps apart, words 5. */
function seen(spelled: string, probability = 0.9) {
  const all = [];
  let step = 0;
  let spaceBefore = 1e-4;
  for (const character of spelled) {
    if (character === "|" || character === "_") {
      spaceBefore = character === "|" ? 0.05 : 0.95;
      step += 2;
      continue;
    }
    step += 3;
    all.push({ character, probability, step, spaceBefore });
    spaceBefore = 1e-4;
  }
  return all;
}

for (const [name, spelled, want] of [
  ["a space the network half sees parts words", "EXIT|14", "EXIT 14"],
  ["a space it is sure of parts words", "EXIT_14", "EXIT 14"],
  ["letters stay together", "harbour", "harbour"],
  ["no space before a full stop", "end|.", "end."],
  ["Chinese gets none from a half-seen space", "你|好", "你好"],
  ["Chinese keeps one it is sure of", "你_好", "你 好"],
  ["full-width punctuation in a Latin line becomes ASCII", "Price：12", "Price:12"],
  ["full-width punctuation in a Chinese line stays", "价格：12", "价格：12"],
  ["an ideographic space at the end goes", "ab\u3000", "ab"],
  ["letters are composed (NFC)", "e\u0301", "é"],
  ["nothing seen, nothing said", "", ""],
] as const) {
  test(`lineText: ${name}`, () => assert.equal(lineText(seen(spelled)).text, want));
}

test("lineText: confidence is the mean over the characters, 0 without any", () => {
  const [a, b] = [seen("a", 0.5), seen("b", 1)];
  assert.equal(lineText([...a, ...b]).confidence, 0.75);
  assert.equal(lineText([]).confidence, 0);
});
