import { open } from "node:fs/promises";

const CHUNK = 64 * 1024;

/** The last `lines` lines of a file, and where it ended then, in bytes. Reads no more than it has to. */
export async function tailFile(
  path: string,
  lines: number,
): Promise<{ readonly lines: string[]; readonly end: number }> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  let from = size;
  let newlines = 0;
  const chunks: Buffer[] = [];
  while (from > 0 && newlines <= lines) {
    const length = Math.min(CHUNK, from);
    from -= length;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    const chunk = buffer.subarray(0, bytesRead);
    for (const byte of chunk) if (byte === 10) newlines++;
    chunks.unshift(chunk);
  }
  const all = Buffer.concat(chunks).toString("utf8").split("\n");
  // What stands behind the last line end is being written; `readSince` brings it when it is whole.
  const unfinished = all.pop() ?? "";
  return { lines: lines === 0 ? [] : all.slice(-lines), end: size - Buffer.byteLength(unfinished) };
}

/** Whole lines written since `from`; `end` is where the next call goes on. A file that has become shorter was started anew and is read from its start. */
export async function readSince(
  path: string,
  from: number,
): Promise<{ readonly lines: string[]; readonly end: number }> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const start = size < from ? 0 : from;
  const length = size - start;
  if (length === 0) return { lines: [], end: start };
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  const written = buffer.subarray(0, bytesRead);
  const whole = written.lastIndexOf(10) + 1;
  return { lines: written.subarray(0, whole).toString("utf8").split("\n").slice(0, -1), end: start + whole };
}
