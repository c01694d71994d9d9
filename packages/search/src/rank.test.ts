import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "./analyze.ts";
import { type ExplainedRow, explain } from "./explain.ts";
import { coverageOf, FLOOR, idfOf, strength } from "./floor.ts";
import type { Channel } from "./fuse.ts";
import { writeInstants } from "./instants.ts";
import { parseQuery } from "./query.ts";
import { FIELDS, type RankedRow, rankMoments } from "./rank.ts";

type Row = RankedRow & ExplainedRow;

const row = (id: string, texts: Partial<ExplainedRow>): Row => {
  const none = { spoken: "", written: "", described: "", names: "", custom: "", labels: [] };
  const filled = { ...none, start_ms: 0, instants: "", ...texts };
  const text = (field: (typeof FIELDS)[number]) => (field === "labels" ? filled.labels.join("\n") : filled[field]);
  const terms = Object.fromEntries(FIELDS.map((field) => [field, analyze(text(field)).join(" ")]));
  return { id, ...filled, terms: terms as RankedRow["terms"] };
};
const archive = [
  row("harbour", { spoken: "The boat leaves the harbour at dawn.", written: "EXIT 14" }),
  row("dough", { spoken: "Knead the dough for ten minutes, and let it rest." }),
  row("exit", { written: "EXIT 14 HARBOUR" }),
  row("speech", { spoken: "Ask not what your country can do for you" }),
  row("bridge", { spoken: "This bridge was built by Roman soldiers." }),
  row("street", { labels: ["person", "person", "car"] }),
  ...Array.from({ length: 20 }, (_, i) =>
    row(`other ${i}`, { spoken: `filler number ${i} about the weather and the news` }),
  ),
];

interface Given {
  /** Similarities of pictures, by row. */
  readonly image?: Record<string, number>;
  readonly words?: { readonly known: readonly string[]; readonly unknown: readonly string[] };
}
const IMAGE_FLOOR = { ...FLOOR, similar: 0.9, unrelated: 0.8, lift: 0 };

/** Stands for the index: any row with any term, by the number of its terms; similarities as given. */
function search(text: string, similarities: Record<string, number> = {}, more: Given = {}) {
  const query = parseQuery(text);
  const has = (candidate: Row, name: (typeof FIELDS)[number], term: string) =>
    candidate.terms[name].split(" ").includes(term);
  const words = (["spoken", "written", "labels"] as const).map((name): Channel<Row> => {
    const score = (candidate: Row) => query.terms.filter((term) => has(candidate, name, term)).length;
    const rows = archive
      .map((candidate) => ({ row: candidate, score: score(candidate) }))
      .filter((found) => found.score > 0);
    return { name, kind: "words", rows: rows.sort((a, b) => b.score - a.score) };
  });
  const near = (given: Record<string, number>) =>
    archive
      .flatMap((candidate) => (candidate.id in given ? [{ row: candidate, score: given[candidate.id] ?? 0 }] : []))
      .sort((a, b) => b.score - a.score);
  const meaning: Channel<Row>[] = [
    { name: "text", kind: "meaning", rows: near(similarities), floor: FLOOR, ...(more.words && { words: more.words }) },
    { name: "image", kind: "meaning", rows: near(more.image ?? {}), floor: IMAGE_FLOOR },
  ];
  const frequencies = (["spoken", "written", "labels"] as const).map(
    (name) =>
      new Map(query.terms.map((term) => [term, archive.filter((candidate) => has(candidate, name, term)).length])),
  );
  const hits = rankMoments({ query, channels: [...words, ...meaning], rows: archive.length, frequencies });
  return hits.map((hit) => ({ ...hit, ...explain(hit, query) }));
}
const ids = (hits: readonly { row: Row }[]) => hits.map((hit) => hit.row.id);

test("a hit says which channels found it, where, and by which words", () => {
  const [hit] = search("boats leaving the harbour", { harbour: 0.9, dough: 0.2 });
  assert.equal(hit?.row.id, "harbour");
  assert.ok((hit?.strength ?? 0) >= 1);
  assert.equal(hit?.snippet, "The boat leaves the harbour at dawn.");
  assert.deepEqual(hit?.why, [
    { channel: "spoken", rank: 1, score: 3, matched: ["boat", "leaves", "harbour"] },
    { channel: "text", rank: 1, score: 0.9, matched: [] },
  ]);
});

test("words half said and half written add up", () => {
  const [hit] = search("boat exit 14");
  assert.deepEqual(hit?.row.id, "harbour");
  assert.deepEqual(
    hit?.why.map(({ channel, matched }) => [channel, matched]),
    [
      ["spoken", ["boat"]],
      ["written", ["exit", "14"]],
    ],
  );
});

test("nothing is an answer: nonsense, function words, and a word or two of many", () => {
  const unrelated = Object.fromEntries(archive.map(({ id }) => [id, 0.45]));
  for (const query of [
    "flibbertigibbet wug blorp",
    "what is the of",
    "?!",
    "",
    "harbour master annual salary negotiation",
    "roman catholic cathedral choir",
  ]) {
    assert.deepEqual(ids(search(query, unrelated)), [], query);
  }
});

test("one rare word is found, one word too common to tell is found as well when it is all that was asked", () => {
  assert.deepEqual(ids(search("dough")), ["dough"]);
  assert.equal(search("weather").length, 20);
});

test("meaning alone is enough from its threshold on, and its row comes first when nothing else speaks", () => {
  const hits = search("vessel departs port", { harbour: 0.72, exit: 0.5, dough: 0.2 });
  assert.deepEqual(ids(hits), ["harbour"]);
  assert.deepEqual(
    hits[0]?.why.map((why) => why.channel),
    ["text"],
  );
});

test("a shared word asks for more similarity, not for less", () => {
  assert.deepEqual(ids(search("bridge card game", { bridge: 0.69 })), []);
  assert.deepEqual(ids(search("stone viaduct", { bridge: 0.69 })), ["bridge"]);
});

test("a vector of the known half of a question does not count", () => {
  const words = { known: ["port"], unknown: ["xqzv", "blorp"] };
  assert.deepEqual(ids(search("port xqzv blorp", { harbour: 0.9 }, { words })), []);
});

test("what is seen is found by its words, in the plural, too, and shown as far as it is asked for", () => {
  for (const [query, snippet] of [
    ["people", "person"],
    ["cars", "car"],
    ["a person", "person"],
    ["persons in a car", "person, car"],
  ] as const) {
    const [hit] = search(query);
    assert.equal(hit?.row.id, "street", query);
    assert.equal(hit?.snippet, snippet);
  }
  assert.deepEqual(
    search("people")[0]?.why.map(({ channel, matched }) => [channel, matched]),
    [["labels", ["person"]]],
  );
});

test("people in a longer question raise what shows them, and are no evidence", () => {
  const [hit] = search("people talking about bridges", { bridge: 0.1 });
  assert.equal(hit?.row.id, "bridge");
  assert.deepEqual(ids(search("people near a volcano")), []);
  const [seen] = search("a person and a car");
  assert.deepEqual(
    seen?.why.map(({ channel, matched }) => [channel, matched]),
    [["labels", ["person", "car"]]],
  );
});

test("a hit says when to look: at the words, at the picture where looks speak first, else where it begins", () => {
  const shown = row("shown", {
    spoken: "it is calm\nthe boat leaves the harbour",
    labels: ["person", "person", "boat", "dog"],
    start_ms: 60_000,
    instants: writeInstants({
      texts: { spoken: [[61_000], [65_000, 65_300, 65_700]], labels: [[62_000], [70_000], [81_000]] },
      vectors: { s: [63_000, 77_000] },
    }),
  });
  const when = (query: string, channels: readonly string[], given = shown) =>
    explain(
      { row: given, score: 1, placings: channels.map((channel) => ({ channel, rank: 1, score: 1 })) },
      parseQuery(query),
      channels.includes("image") ? { space: "s", index: 1 } : undefined,
    ).at_ms;
  assert.equal(when("boat", ["spoken", "labels"]), 65_300);
  assert.equal(when("harbour", ["spoken", "image"]), 65_700);
  assert.equal(when("harbour", ["image", "spoken"]), 77_000);
  assert.equal(when("dog", ["labels"]), 81_000);
  assert.equal(when("dogs and people", ["labels"]), 81_000);
  assert.equal(when("", ["image", "text"]), 77_000);
  assert.equal(when("vessel", ["text"]), 61_000);
  assert.equal(when("vessel", ["text"], row("bare", { spoken: "a ship", start_ms: 60_000 })), 60_000);
});

test("likeness of pictures has a floor of its own, and needs no words", () => {
  assert.deepEqual(ids(search("", {}, { image: { dough: 0.95, exit: 0.89, bridge: 0.7 } })), ["dough"]);
  assert.deepEqual(ids(search("", { speech: 0.7, exit: 0.5 }, { image: { dough: 0.95, exit: 0.85 } })), [
    "dough",
    "speech",
  ]);
});

test("a quoted phrase must stand word after word", () => {
  assert.deepEqual(ids(search('"exit 14 harbour"')), ["exit"]);
  assert.deepEqual(ids(search('"harbour exit"')), []);
  assert.deepEqual(ids(search('"what your country"')), ["speech"]);
});

test("strength: each evidence alone, and neither", () => {
  assert.ok(strength({ coverage: 1, similarity: undefined }) > 1);
  assert.ok(strength({ coverage: 0.4, similarity: undefined }) < 1);
  assert.ok(strength({ coverage: 0, similarity: 0.67 }) >= 1);
  assert.ok(strength({ coverage: 0, similarity: 0.63 }) < 1);
  assert.ok(strength({ coverage: 0, similarity: -1 }) < 1);
});

test("coverage: a word the archive lacks weighs most, one that is everywhere little", () => {
  const idf = idfOf(["everywhere", "rare", "absent"], 100, [
    new Map([
      ["everywhere", 100],
      ["rare", 1],
    ]),
    new Map([["rare", 2]]),
  ]);
  assert.ok(
    (idf.get("absent") ?? 0) > (idf.get("rare") ?? 0) && (idf.get("rare") ?? 0) > 10 * (idf.get("everywhere") ?? 0),
  );
  assert.ok(coverageOf(idf, new Set(["everywhere", "rare"])) < 0.5);
  assert.equal(coverageOf(new Map(), new Set()), 0);
});
