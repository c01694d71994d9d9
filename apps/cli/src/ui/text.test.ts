import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { COLOURED, styleFor } from "./style.ts";
import { bytes, count, cut, cutStart, pad, printable, table, width } from "./text.ts";

for (const [name, text, want] of [
  ["a plain name", "film.mp4", "film.mp4"],
  ["line ends and tabs", "a\nb\tc\r", "a\\nb\\tc\\r"],
  ["a colour code", "\u001b[31mred", "\\u{1b}[31mred"],
  ["a change of direction", "txt.\u202egpj", "txt.\\u{202e}gpj"],
  ["letters of any script", "橋 Über 🎬", "橋 Über 🎬"],
] as const) {
  test(`printable: ${name}`, () => assert.equal(printable(text), want));
}

for (const [text, want] of [
  ["abc", 3],
  ["橋の", 4],
  ["e\u0301", 1],
  [COLOURED.bad("abc"), 3],
] as const) {
  test(`width of ${JSON.stringify(text)} is ${want}`, () => assert.equal(width(text), want));
}

test("cut and cutStart keep within their cells, wide letters included", () => {
  assert.equal(cut("abcdef", 6), "abcdef");
  assert.equal(cut("abcdef", 4), "abc…");
  assert.equal(cutStart("/long/way/film.mp4", 9), "…film.mp4");
  assert.ok(width(cut("橋橋橋橋", 5)) <= 5);
  assert.equal(cut("abc", 0), "");
});

test("table aligns columns by what is seen, not by colour codes", () => {
  assert.deepEqual(
    table(
      [
        [COLOURED.good("OK"), "1", "first"],
        ["FAILED", "20", "second"],
      ],
      [1],
    ).map((line) => stripVTControlCharacters(line)),
    ["OK       1  first", "FAILED  20  second"],
  );
  assert.equal(pad("ab", 4), "ab  ");
});

test("numbers with their units", () => {
  assert.deepEqual(
    [bytes(0), bytes(1023), bytes(1536), bytes(200 * 1024 ** 2), bytes(3 * 1024 ** 4)],
    ["0 B", "1023 B", "1.5 KiB", "200 MiB", "3.0 TiB"],
  );
  assert.deepEqual([count(1, "file"), count(2, "file"), count(0, "copy", "copies")], ["1 file", "2 files", "0 copies"]);
});

test("NO_COLOR wins over FORCE_COLOR, which wins over what the stream is", () => {
  assert.equal(styleFor({ isTTY: true }, { NO_COLOR: "1", FORCE_COLOR: "1" }).bad("x"), "x");
  assert.notEqual(styleFor({}, { FORCE_COLOR: "1" }).bad("x"), "x");
  assert.equal(styleFor({}, {}).bad("x"), "x");
  assert.equal(styleFor({ isTTY: true }, { TERM: "dumb" }).bad("x"), "x");
});
