import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "./analyze.ts";
import { coverageOf, idfOf, strength } from "./floor.ts";
import type { Channel } from "./fuse.ts";
import { parseQuery } from "./query.ts";
import { type RankedRow, type RankInput, rankMoments } from "./rank.ts";

const row = (id: string, texts: Partial<RankedRow>): RankedRow => ({
  id,
  asset: "film",
  spoken: "",
  written: "",
  described: "",
  names: "",
  custom: "",
  ...texts,
});
const archive = [
  row("harbour", { spoken: "The boat leaves the harbour at dawn.", written: "EXIT 14" }),
  row("dough", { spoken: "Knead the dough for ten minutes, and let it rest." }),
  row("exit", { written: "EXIT 14 HARBOUR" }),
  row("speech", { spoken: "Ask not what your country can do for you" }),
  row("bridge", { spoken: "This bridge was built by Roman soldiers." }),
  ...Array.from({ length: 20 }, (_, i) =>
    row(`other ${i}`, { spoken: `filler number ${i} about the weather and the news` }),
  ),
];

/** Stands for the index: any row with any term, by the number of its terms; similarities as given. */
function search(text: string, similarities: Record<string, number> = {}, more: Partial<RankInput<RankedRow>> = {}) {
  const query = parseQuery(text);
  const words = (["spoken", "written"] as const).map((name): Channel<RankedRow> => {
    const score = (candidate: RankedRow) =>
      query.terms.filter((term) => analyze(candidate[name]).includes(term)).length;
    const rows = archive
      .map((candidate) => ({ row: candidate, score: score(candidate) }))
      .filter((found) => found.score > 0);
    return { name, kind: "words", rows: rows.sort((a, b) => b.score - a.score) };
  });
  const meant = archive.flatMap((candidate) =>
    candidate.id in similarities ? [{ row: candidate, score: similarities[candidate.id] ?? 0 }] : [],
  );
  const meaning: Channel<RankedRow> = { name: "text", kind: "meaning", rows: meant.sort((a, b) => b.score - a.score) };
  const frequencies = (["spoken", "written"] as const).map(
    (name) =>
      new Map(
        query.terms.map((term) => [
          term,
          archive.filter((candidate) => analyze(candidate[name]).includes(term)).length,
        ]),
      ),
  );
  return rankMoments({ query, channels: [...words, meaning], rows: archive.length, frequencies, ...more });
}
const ids = (hits: readonly { row: RankedRow }[]) => hits.map((hit) => hit.row.id);

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
