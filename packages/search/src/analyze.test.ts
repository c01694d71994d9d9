import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze, tokensOf } from "./analyze.ts";
import { parseQuery } from "./query.ts";
import { snippetOf } from "./snippet.ts";
import { stem } from "./stem.ts";

/** Examples of the paper's own steps, and pairs that must meet. */
for (const [word, want] of [
  ["caresses", "caress"],
  ["ponies", "poni"],
  ["cats", "cat"],
  ["agreed", "agre"],
  ["plastered", "plaster"],
  ["bled", "bled"],
  ["motoring", "motor"],
  ["sing", "sing"],
  ["conflated", "conflat"],
  ["troubled", "troubl"],
  ["hopping", "hop"],
  ["falling", "fall"],
  ["hissing", "hiss"],
  ["filing", "file"],
  ["happy", "happi"],
  ["sky", "sky"],
  ["relational", "relat"],
  ["conditional", "condit"],
  ["digitizer", "digit"],
  ["radically", "radic"],
  ["vietnamization", "vietnam"],
  ["predication", "predic"],
  ["operator", "oper"],
  ["feudalism", "feudal"],
  ["hopefulness", "hope"],
  ["formality", "formal"],
  ["sensibility", "sensibl"],
  ["triplicate", "triplic"],
  ["electrical", "electr"],
  ["goodness", "good"],
  ["revival", "reviv"],
  ["adjustment", "adjust"],
  ["adoption", "adopt"],
  ["effective", "effect"],
  ["probate", "probat"],
  ["rate", "rate"],
  ["cease", "ceas"],
  ["controlling", "control"],
  ["roll", "roll"],
  ["oscillators", "oscil"],
  ["generalizations", "gener"],
  ["4k", "4k"],
  ["naïve", "naïve"],
  ["as", "as"],
] as const) {
  test(`stem: ${word}`, () => assert.equal(stem(word), want));
}

/** What the objects of COCO are called in the plural, where no rule of Porter's reaches it, and some where one does. */
for (const [many, one] of [
  ["people", "person"],
  ["persons", "person"],
  ["Men", "man"],
  ["women's", "woman"],
  ["children", "child"],
  ["mice", "mouse"],
  ["knives", "knife"],
  ["buses", "bus"],
  ["ties", "tie"],
  ["bottles", "bottle"],
  ["cars", "car"],
  ["benches", "bench"],
  ["glasses", "glass"],
  ["sandwiches", "sandwich"],
  ["toothbrushes", "toothbrush"],
  ["horses", "horse"],
  ["skis", "ski"],
  ["vases", "vase"],
  ["TVs", "tv"],
] as const) {
  test(`stem: ${many} are found by ${one}`, () => assert.deepEqual(analyze(many), analyze(one)));
}

test("spelling, accents, possessives and width do not keep words apart", () => {
  assert.deepEqual(analyze("The Captain’s BOATS, cafés & ＬＯＮＤＯＮ don't"), [
    "the",
    "captain",
    "boat",
    "cafe",
    "london",
    "dont",
  ]);
  assert.deepEqual(analyze("cafe\u0301"), analyze("café"));
  assert.deepEqual(analyze("Ёлка"), analyze("елка"));
  assert.deepEqual(analyze("  \u0000 ,.!? \n"), []);
});

test("scripts without blanks are found by any two neighbours", () => {
  const row = new Set(analyze("东京港口的船"));
  for (const query of ["港口", "东京港口", "船"])
    assert.ok(
      parseQuery(query).terms.every((term) => row.has(term)),
      query,
    );
  assert.deepEqual(parseQuery("港口").terms, ["港口"]);
  assert.deepEqual(parseQuery("出口 EXIT 14").terms, ["出口", "exit", "14"]);
});

test("tokens stand where their words stand", () => {
  const text = "Exit 14: Harbour’s café, 东京";
  for (const token of tokensOf(text)) assert.ok(text.slice(token.start, token.end).length > 0);
  assert.deepEqual(
    tokensOf(text)
      .slice(0, 4)
      .map((token) => text.slice(token.start, token.end)),
    ["Exit", "14", "Harbour’s", "café"],
  );
});

for (const [name, text, terms, phrases] of [
  [
    "function words and talk about searching are left out",
    "find the scene where a boat leaves the harbour",
    ["boat", "leav", "harbor"],
    [],
  ],
  ["talk about searching alone is the subject", "people talking", ["person", "talk"], []],
  ["a person may be what is to be seen", "find a person at a table", ["tabl", "person"], []],
  ["function words alone match nothing", "what is the of", [], []],
  [
    "a quoted phrase keeps its order",
    'the "Country of Men" speech',
    ["countri", "man", "speech"],
    [["countri", "of", "man"]],
  ],
  [
    "a quoted phrase of function words is searched",
    "“to be or not to be”",
    ["to", "be", "or", "not"],
    [["to", "be", "or", "not", "to", "be"]],
  ],
  ["an open quotation mark is no phrase", 'exit "14', ["exit", "14"], []],
  ["one word", "HARBOURS", ["harbor"], []],
  ["the same word twice", "boat boats", ["boat"], []],
  ["nothing", " \n\t ", [], []],
  ["no words", "?!… ☃", [], []],
] as const) {
  test(`query: ${name}`, () => {
    const query = parseQuery(text);
    assert.deepEqual(query.terms, terms);
    assert.deepEqual(query.phrases, phrases);
  });
}

test("a very long query is cut, a lone surrogate does no harm", () => {
  const long = parseQuery(Array.from({ length: 5_000 }, (_, i) => `w${i}`).join(" "));
  assert.equal(long.terms.length, 64);
  assert.ok(long.text.length <= 2_000);
  assert.ok(parseQuery("boat \ud800").text.isWellFormed());
});

const asking = (...terms: string[]) => ({ terms, asides: [], phrases: [] });

test("a snippet shows the most different matches, in whole words", () => {
  const text = `harbour ${"filler words go on ".repeat(20)}and then the boat left\nthe old harbour at dawn ${"and so on ".repeat(20)}`;
  const snippet = snippetOf(text, asking("boat", "harbor"), 80);
  assert.match(snippet.text, /^….*boat left the old harbour.*…$/);
  assert.ok(snippet.text.length <= 82);
  assert.deepEqual(
    snippet.highlights.map(({ start, end }) => snippet.text.slice(start, end)),
    ["boat", "harbour"],
  );
  assert.equal(snippet.at, text.indexOf("boat"));
  assert.deepEqual(snippetOf("short", asking("other")), { text: "short", highlights: [], at: undefined });
  assert.deepEqual(snippetOf("", asking("other")), { text: "", highlights: [], at: undefined });
});

test("a snippet begins where the words stand together, where a quoted phrase does, and not at an aside", () => {
  const signs = "EXIT 3\nBOATS 14\nEXIT 14";
  assert.equal(snippetOf(signs, asking("exit", "14")).at, signs.lastIndexOf("EXIT"));
  const said = "the men of this country and a country of men";
  assert.equal(snippetOf(said, parseQuery('"country of men"')).at, said.indexOf("country of"));
  const people = "people came and people went to the table";
  assert.equal(snippetOf(people, parseQuery("people eating")).at, 0);
  const apart = `people came ${"and went ".repeat(30)} to the table`;
  assert.equal(snippetOf(apart, parseQuery("a person at a table")).at, apart.indexOf("table"));
});
