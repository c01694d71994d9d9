import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

const START = '"vectors":{';
/** A word and its row take less than this; a longer stretch without an end is not the format. */
const LONGEST_ENTRY = 64 * 1024;

/** Compacts word vectors from wink's JSON (`{"dimensions", ..., "words": [...], "vectors": {"the": [n numbers, length, rank]}}`)
 * while it streams by, holding one row at a time: the whole JSON takes over a gigabyte when parsed at once.
 * Writes `words.txt`, `vectors.i8` and `scales.f32` as the manifest describes them; the same bytes in give the same out.
 * Symmetric int8 with one scale a row costs a relative error under 1 % of the row's largest number and a quarter of the room.
 * The JSON keeps the words in order of frequency, each row naming its rank; anything else is refused. */
export class WordVectorCompactor implements AsyncDisposable {
  readonly #handles: readonly [FileHandle, FileHandle, FileHandle];
  readonly #dimension: number;
  readonly #words: string[] = [];
  readonly #rows: Buffer[] = [];
  readonly #scales: Buffer[] = [];
  #text = "";
  #state: "head" | "rows" | "tail" = "head";
  #count = 0;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });

  private constructor(handles: readonly [FileHandle, FileHandle, FileHandle], dimension: number) {
    this.#handles = handles;
    this.#dimension = dimension;
  }

  static async create(directory: string, dimension = 100): Promise<WordVectorCompactor> {
    const names = ["words.txt", "vectors.i8", "scales.f32"] as const;
    const handles = [];
    for (const name of names) handles.push(await open(join(directory, name), "w"));
    return new WordVectorCompactor(handles as [FileHandle, FileHandle, FileHandle], dimension);
  }

  /** Takes the next bytes. Rejects when they are not of the format. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#text += this.#decoder.decode(chunk, { stream: true });
    this.#parse();
    if (this.#rows.length >= 4096) await this.#flush();
  }

  /** Writes what is left and answers how many words there are. Rejects when the JSON ended early. */
  async finish(): Promise<number> {
    this.#text += this.#decoder.decode();
    this.#parse();
    if (this.#state !== "tail") throw new Error(`the word vectors end after ${this.#count} words, inside a row`);
    await this.#flush();
    for (const handle of this.#handles) await handle.sync();
    return this.#count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handle of this.#handles) await handle.close();
  }

  #parse(): void {
    if (this.#state === "head") {
      const at = this.#text.indexOf(START);
      if (at < 0) {
        this.#text = this.#text.slice(-START.length);
        return;
      }
      this.#text = this.#text.slice(at + START.length);
      this.#state = "rows";
    }
    let from = 0;
    while (this.#state === "rows") {
      const text = this.#text;
      if (text[from] === "}") {
        this.#state = "tail";
        break;
      }
      const keyEnd = endOfString(text, from);
      const end = keyEnd < 0 ? -1 : text.indexOf("]", keyEnd);
      if (end < 0 || end + 1 >= text.length) {
        if (text.length - from > LONGEST_ENTRY)
          throw new Error(`no word vector where one should be, after ${this.#count}`);
        break;
      }
      const word: unknown = JSON.parse(text.slice(from, keyEnd));
      const row: unknown = JSON.parse(text.slice(keyEnd + 1, end + 1));
      this.#add(word, row);
      from = text[end + 1] === "," ? end + 2 : end + 1;
    }
    this.#text = this.#state === "tail" ? "" : this.#text.slice(from);
  }

  #add(word: unknown, row: unknown): void {
    const rank = this.#count;
    if (typeof word !== "string" || word === "" || /[\r\n]/.test(word)) throw new Error(`word ${rank} is no word`);
    if (!Array.isArray(row) || row.length !== this.#dimension + 2 || row[this.#dimension + 1] !== rank) {
      throw new Error(`the row of "${word}" is not ${this.#dimension} numbers, a length and rank ${rank}`);
    }
    let largest = 0;
    for (let i = 0; i < this.#dimension; i++) largest = Math.max(largest, Math.abs(row[i] as number));
    if (!Number.isFinite(largest)) throw new Error(`the row of "${word}" holds something other than numbers`);
    const scale = Math.fround(largest / 127);
    const bytes = Buffer.alloc(this.#dimension);
    for (let i = 0; i < this.#dimension && scale > 0; i++) bytes.writeInt8(quantised(row[i] as number, scale), i);
    const scaleBytes = Buffer.alloc(4);
    scaleBytes.writeFloatLE(scale);
    this.#words.push(word);
    this.#rows.push(bytes);
    this.#scales.push(scaleBytes);
    this.#count++;
  }

  async #flush(): Promise<void> {
    if (this.#rows.length === 0) return;
    const [words, vectors, scales] = this.#handles;
    await words.appendFile(`${this.#words.join("\n")}\n`);
    await vectors.appendFile(Buffer.concat(this.#rows));
    await scales.appendFile(Buffer.concat(this.#scales));
    this.#words.length = 0;
    this.#rows.length = 0;
    this.#scales.length = 0;
  }
}

const quantised = (value: number, scale: number) => Math.max(-127, Math.min(127, Math.round(value / scale)));

/** Index after the closing quote of the JSON string that starts at `from`; -1 when it is not all there yet. */
function endOfString(text: string, from: number): number {
  if (from >= text.length) return -1;
  if (text[from] !== '"') throw new Error(`a word should begin at "${text.slice(from, from + 20)}"`);
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return -1;
}
