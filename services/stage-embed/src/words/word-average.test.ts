import assert from "node:assert/strict";
import { before, test } from "node:test";
import { locateModel, pullModels } from "@heimdex/models";
import { ABSENT, MEANT, MOMENTS } from "../testing/sentences.ts";
import { WordAverage } from "./word-average.ts";
import { WORD_MODEL } from "./word-embedder.ts";
import { WordVectors } from "./word-vectors.ts";

let embedder: WordAverage;
before(async () => {
  await pullModels(WORD_MODEL);
  const located = await locateModel(WORD_MODEL);
  assert.ok(located.available);
  embedder = new WordAverage(await WordVectors.load(located.files));
});

const vectorOf = (text: string) => embedder.embed(text).vector ?? new Float32Array(100);
const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const mean = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

test("a query in other words ranks its moment high among forty", (t) => {
  const rows = MOMENTS.map(vectorOf);
  const related: number[] = [];
  const unrelated: number[] = [];
  const reciprocal = MEANT.map(([query, moment]) => {
    const similarities = rows.map((row) => cosine(row, vectorOf(query)));
    const own = similarities[moment] ?? 0;
    related.push(own);
    unrelated.push(...similarities.filter((_, i) => i !== moment));
    return 1 / (1 + similarities.filter((similarity) => similarity > own).length);
  });
  const nearestToAbsent = ABSENT.map((query) => Math.max(...rows.map((row) => cosine(row, vectorOf(query)))));
  t.diagnostic(
    `mean reciprocal rank ${mean(reciprocal).toFixed(3)}; cosines: related ${mean(related).toFixed(2)}, unrelated ${mean(unrelated).toFixed(2)}, nearest to absent ${mean(nearestToAbsent).toFixed(2)}`,
  );
  assert.ok(mean(reciprocal) > 0.8);
  assert.ok(mean(related) - mean(unrelated) > 0.25);
  assert.ok(mean(related) - mean(nearestToAbsent) > 0.1);
});

test("vectors have length one, and the same text always gives the same", () => {
  const { vector } = embedder.embed("a boat leaves the harbour");
  assert.ok(vector && Math.abs(cosine(vector, vector) - 1) < 1e-6);
  assert.deepEqual(vectorOf("a boat leaves the harbour"), vector);
  assert.deepEqual(vectorOf("The BOATS’ boat leaves, the harbour's ..."), vectorOf("boats boat leaves harbour"));
});

test("function words, unknown words and nothing have no vector", () => {
  assert.deepEqual(embedder.embed("what is the of"), { vector: undefined, known: [], unknown: [] });
  assert.deepEqual(embedder.embed("flibbertigibbetx 東京"), {
    vector: undefined,
    known: [],
    unknown: embedder.embed("flibbertigibbetx 東京").unknown,
  });
  assert.ok(embedder.embed("flibbertigibbetx").unknown.includes("flibbertigibbetx"));
  assert.equal(embedder.embed("").vector, undefined);
});
