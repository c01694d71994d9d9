import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";

const BLOCK = 512;
/** Extended headers carry names; longer ones are no names. */
const LONGEST_HEADER = 1 << 20;

export interface TarballFile {
  /** Path below the archive's first folder (`package/` in npm's), as the archive states it: never to write to. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** To be read to its end, or not at all, before the next file is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

/** The regular files of a gzipped tar, one after the other as they stream by (POSIX.1-2001 ustar, with pax paths as npm writes
 * them for long names). Nothing is written anywhere. Rejects when the archive is cut off or malformed.
 * @param onBytes is told the length of each piece read of the compressed file */
export async function* tarballFiles(
  tarball: string,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): AsyncGenerator<TarballFile> {
  const source = createReadStream(tarball, { highWaterMark: 1 << 18, signal });
  source.on("data", (chunk) => onBytes(chunk.length));
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  source.once("error", (error) => gunzip.destroy(error));
  const bytes = new ByteReader(source.pipe(gunzip));
  try {
    let paxPath: string | undefined;
    for (;;) {
      const header = await bytes.take(BLOCK);
      if (header.every((byte) => byte === 0)) return;
      checkSum(header);
      const size = octal(header, 124, 12);
      const padding = (BLOCK - (size % BLOCK)) % BLOCK;
      const type = String.fromCharCode(header[156] ?? 0);
      if (type === "x") {
        if (size > LONGEST_HEADER) throw new Error("a tar header is too long");
        paxPath = pathOfPax(await bytes.take(size)) ?? paxPath;
        await bytes.skip(padding);
        continue;
      }
      const full = paxPath ?? [text(header, 345, 155), text(header, 0, 100)].filter((part) => part !== "").join("/");
      paxPath = undefined;
      const content = bytes.stream(size);
      if (type === "0" || type === "\0") yield { path: full.slice(full.indexOf("/") + 1), size, content };
      for await (const _ of content);
      await bytes.skip(padding);
    }
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** Exact numbers of bytes from a stream of pieces of any length. */
class ByteReader {
  readonly #pieces: AsyncIterator<Buffer>;
  #left: Buffer = Buffer.alloc(0);

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes, at least one. Rejects at the end. */
  async #some(most: number): Promise<Buffer> {
    while (this.#left.length === 0) {
      const next = await this.#pieces.next();
      if (next.done) throw new Error("the tar archive ends early");
      this.#left = next.value;
    }
    const some = this.#left.subarray(0, most);
    this.#left = this.#left.subarray(some.length);
    return some;
  }

  async take(size: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.stream(size)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async skip(size: number): Promise<void> {
    for await (const _ of this.stream(size));
  }

  /** One iteration, in as many `for await` loops as it takes: a second loop goes on where the first ended. */
  stream(size: number): AsyncIterable<Buffer> {
    let left = size;
    const iterator: AsyncIterator<Buffer> = {
      next: async () => {
        if (left === 0) return { done: true, value: undefined };
        const value = await this.#some(left);
        left -= value.length;
        return { done: false, value };
      },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }
}

function text(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString("utf8");
}

function octal(header: Buffer, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  if (!/^[0-7]+$/.test(digits)) throw new Error("a tar header holds no size");
  return Number.parseInt(digits, 8);
}

/** The header's own sum, its field counted as blanks: tells a tar from anything else. */
function checkSum(header: Buffer): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (sum !== octal(header, 148, 8)) throw new Error("it is not a tar archive");
}

/** pax records are `LENGTH KEY=VALUE\n`, the length counting the whole record in bytes. */
function pathOfPax(records: Buffer): string | undefined {
  for (let at = 0; at < records.length; ) {
    const blank = records.indexOf(32, at);
    const length = Number(records.subarray(at, blank < 0 ? undefined : blank).toString());
    if (blank < 0 || !Number.isInteger(length) || length <= 0) throw new Error("a tar header is malformed");
    const record = records.subarray(blank + 1, at + length - 1).toString("utf8");
    if (record.startsWith("path=")) return record.slice("path=".length);
    at += length;
  }
  return undefined;
}
