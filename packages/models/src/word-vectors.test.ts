import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { WordVectorCompactor } from "./word-vectors.ts";

async function compact(
  json: string,
  chunk: number,
): Promise<{ count: number; words: string; rows: Int8Array; scales: Float32Array }> {
  const directory = await mkdtemp(join(tmpdir(), "heimdex-words-"));
  try {
    await using compactor = await WordVectorCompactor.create(directory, 2);
    const bytes = Buffer.from(json);
    for (let at = 0; at < bytes.length; at += chunk) await compactor.write(bytes.subarray(at, at + chunk));
    const count = await compactor.finish();
    const [words, rows, scales] = await Promise.all(
      ["words.txt", "vectors.i8", "scales.f32"].map((name) => readFile(join(directory, name))),
    );
    return {
      count,
      words: String(words),
      rows: new Int8Array(rows as Buffer),
      scales: new Float32Array(new Uint8Array(scales as Buffer).buffer),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}
const json =
  '{"size":3,"words":["a","\\"vectors\\"","é]"],"vectors":{"a":[0,0,0,0],"\\"vectors\\"":[-1.5,0.75,1,1],"é]":[2,1,2,2]},"unkVector":[0]}';

test("wherever the chunks are cut, the bytes are the same", async () => {
  for (const size of [1, 2, 7, 1000]) {
    const { count, words, rows, scales } = await compact(json, size);
    assert.equal(count, 3);
    assert.equal(words, 'a\n"vectors"\né]\n');
    assert.deepEqual([...rows], [0, 0, -127, 64, 127, 64]);
    assert.deepEqual([...scales], [0, Math.fround(1.5 / 127), Math.fround(2 / 127)]);
  }
});

for (const [name, text, why] of [
  ["an early end", json.slice(0, -40), /inside a row/],
  ["ranks out of order", json.replace("1,1]", "1,7]"), /rank 1/],
  ["a short row", json.replace("[2,1,2,2]", "[2,2,2]"), /not 2 numbers/],
  ["text among the numbers", json.replace("0.75", '"x"'), /other than numbers/],
  ["no rows at all", "{}", /end after 0 words/],
] as const) {
  test(`refused: ${name}`, () => assert.rejects(compact(text, 11), why));
}
