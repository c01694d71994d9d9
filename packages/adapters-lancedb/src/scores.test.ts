import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { MomentFilter } from "@heimdex/ports";
import { LanceMomentIndex } from "./lance-moment-index.ts";
import { moment } from "./moments.fixture.ts";

async function openEmpty(t: TestContext): Promise<LanceMomentIndex> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-lance-"));
  const index = await LanceMomentIndex.open(folder);
  t.after(async () => {
    await index[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  return index;
}

const spoken = (asset: string, revision: number, texts: readonly string[]) => ({
  tenant: "acme",
  asset,
  revision,
  rows: texts.map((text, n) => moment(asset, n, { revision, spoken: text })),
});

/** BM25 of each text that has any of the terms, straight from the formula; a term given twice counts once. */
function reference(texts: ReadonlyMap<string, string>, terms: readonly string[]): Map<string, number> {
  const documents = [...texts].map(([id, text]) => ({ id, words: text.split(" ").filter((word) => word !== "") }));
  const filled = documents.filter(({ words }) => words.length > 0);
  const mean = filled.reduce((sum, { words }) => sum + words.length, 0) / filled.length;
  const scores = new Map<string, number>();
  for (const { id, words } of filled) {
    let score = 0;
    for (const term of new Set(terms)) {
      const n = filled.filter((other) => other.words.includes(term)).length;
      const tf = words.filter((word) => word === term).length;
      const weight = Math.log(1 + (filled.length - n + 0.5) / (n + 0.5));
      score += (weight * tf * 2.2) / (tf + 1.2 * (0.25 + (0.75 * words.length) / mean));
    }
    if (score > 0) scores.set(id, score);
  }
  return scores;
}

test("scores are BM25 over the tenant's rows, whatever of them is in the full-text index yet", async (t) => {
  const index = await openEmpty(t);
  const texts = new Map<string, string>();
  // A fixed walk through small texts: w0 is common, w12 rare, and some texts are empty.
  const text = (n: number) =>
    Array.from({ length: n % 9 }, (_, i) => `w${((n * 7 + i * i * 5) % 13) ** 2 % 13}`).join(" ");
  for (let step = 0; step < 18; step++) {
    const asset = `a${step % 6}`;
    const given = Array.from({ length: (step * 5) % 7 }, (_, i) => text(step * 11 + i));
    await index.replaceAssets([spoken(asset, step + 1, given)]);
    for (const id of texts.keys()) if (id.startsWith(`${asset}/`)) texts.delete(id);
    for (const [n, each] of given.entries()) texts.set(`${asset}/${n}`, each);
    if (step % 5 === 4) await index.optimize();
    const terms = [`w${step % 13}`, "w0", "absent"];
    const want = reference(texts, terms);
    for (const assets of [undefined, ["a1", "a2"]]) {
      const filter: MomentFilter = { tenant: "acme", ...(assets === undefined ? {} : { assets }) };
      const hits = await index.searchText("spoken", terms, filter, 1000);
      const expected = [...want].filter(([id]) => assets?.includes(id.split("/", 1)[0] ?? "") ?? true);
      assert.equal(hits.length, expected.length);
      for (const { row, score } of hits)
        assert.ok(Math.abs(score - (want.get(row.id) ?? 0)) < 1e-9, `${row.id}: ${score}`);
    }
  }
});

test("with more matches than are scored, the best are still on top", async (t) => {
  const index = await openEmpty(t);
  const filler = "many words around it make it a worse match";
  const texts = Array.from({ length: 6000 }, (_, n) => (n % 1000 === 7 ? "needle needle" : `needle ${filler}`));
  await index.replaceAssets([spoken("a", 1, texts)]);
  for (const state of ["not yet indexed", "indexed"]) {
    const hits = await index.searchText("spoken", ["needle"], { tenant: "acme" }, 7);
    assert.deepEqual(
      hits.map((hit) => hit.row.spoken === "needle needle"),
      [true, true, true, true, true, true, false],
      state,
    );
    assert.equal((await index.documentFrequencies("spoken", ["needle"], "acme")).get("needle"), 6000, state);
    assert.equal((await index.searchText("spoken", ["needle"], { tenant: "acme" }, 5000)).length, 5000, state);
    await index.optimize();
  }
});
