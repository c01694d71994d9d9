import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { HeimdexError } from "@heimdex/errors";
import type { ByteRange } from "@heimdex/ports";
import { MAX_NEIGHBOUR_BYTES, MAX_NEIGHBOURS, NEIGHBOUR_TYPES, type Neighbour } from "./media-name.ts";
import { assertSame, type SourceFacts } from "./source-facts.ts";

const CHUNK_BYTES = 256 * 1024;

/** Size and modification time of a file that can be read. Throws SOURCE_NOT_FOUND, SOURCE_UNREADABLE, SOURCE_UNSUPPORTED. */
export async function statFile(path: string): Promise<SourceFacts> {
  const { handle, facts } = await openFile(path);
  await handle.close();
  return facts;
}

/** Bytes of a file that is as it was. Holds nothing open before the first chunk is asked for. Throws as `statFile` does, and SOURCE_CHANGED, also before the
 * last bytes when it changed meanwhile. */
export async function readFilePart(
  path: string,
  before: SourceFacts,
  range: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  assertSame(path, before, await statFile(path));
  return readPart(path, before, range);
}

async function* readPart(path: string, before: SourceFacts, { start, end }: ByteRange): AsyncGenerator<Uint8Array> {
  const { handle, facts } = await openFile(path);
  try {
    assertSame(path, before, facts);
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      at += bytesRead;
      // Looked at before the last bytes go out, so that what ends well is of the same file throughout.
      if (bytesRead === 0 || at >= end) assertSame(path, before, factsOf(path, await handle.stat()));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (reason) {
    throw fileError(path, reason);
  } finally {
    await handle.close();
  }
}

async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly facts: SourceFacts }> {
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, a named pipe put in the file's place would hold the call for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { handle, facts: factsOf(path, await handle.stat()) };
  } catch (reason) {
    await handle?.close();
    throw fileError(path, reason);
  }
}

function factsOf(path: string, stats: Stats): SourceFacts {
  if (!stats.isFile())
    throw new HeimdexError("SOURCE_UNSUPPORTED", `${path} is not a regular file`, { metadata: { source: path } });
  return { size: stats.size, modifiedMs: stats.mtimeMs };
}

/** What the file system says against reading a source, as an error of ours. */
export function fileError(path: string, reason: unknown): unknown {
  const { code, message } = reason as NodeJS.ErrnoException;
  if (reason instanceof HeimdexError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return reason;
  const options = { cause: reason, metadata: { source: path } };
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG")
    return new HeimdexError("SOURCE_NOT_FOUND", `there is no file ${path}`, options);
  if (code === "EACCES" || code === "EPERM")
    return new HeimdexError("SOURCE_UNREADABLE", `${path} cannot be read: permission denied`, options);
  return new HeimdexError("SOURCE_UNREADABLE", `${path} cannot be read: ${message}`, options);
}

/** Files up to this many bytes are hashed on the spot: starting a thread would take longer. */
const SMALL_BYTES = 8 * 1024 * 1024;
let lastLarge: Promise<unknown> = Promise.resolve();

/** SHA-256 of the whole file. Large ones are read in a thread of their own, one at a time. The file is looked at again afterwards: throws SOURCE_CHANGED
 * when it is not as before. */
export async function hashFile(path: string, before: SourceFacts, signal: AbortSignal): Promise<string> {
  const sha256 = await (before.size <= SMALL_BYTES ? hashHere(path, signal) : inTurn(() => hashInThread(path, signal)));
  assertSame(path, before, await statFile(path));
  return sha256;
}

/** Files share a disk: large ones are read one after the other. */
function inTurn<R>(work: () => Promise<R>): Promise<R> {
  const mine = lastLarge.then(work);
  lastLarge = mine.catch(() => {}); // whoever waits for it hears of it
  return mine;
}

async function hashHere(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    await using file = await open(path);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(chunk.subarray(0, bytesRead));
    }
  } catch (reason) {
    throw fileError(path, reason);
  }
}

async function hashInThread(path: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const worker = new Worker(new URL("./fingerprint-thread.ts", import.meta.url), { workerData: path });
  const stop = () => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", (reason) => reject(fileError(path, reason)));
      worker.once("exit", () =>
        reject(signal.aborted ? signal.reason : new HeimdexError("INTERNAL", `reading ${path} ended without a result`)),
      );
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Subtitle files beside the source: same folder, same stem, optionally with a language between. In order of name. What cannot be read is left out,
 * and `onUnreadable` hears of it: a film must not wait for its subtitles. */
export async function fileNeighbours(
  path: string,
  onUnreadable: (path: string, reason: unknown) => void,
): Promise<Neighbour[]> {
  const stem = basename(path, extname(path));
  const folder = dirname(path);
  const found: Neighbour[] = [];
  const names = await readdir(folder).catch((reason: unknown) => {
    onUnreadable(folder, reason);
    return [];
  });
  for (const name of names.filter((other) => other !== basename(path) && other.startsWith(`${stem}.`)).sort()) {
    const mediaType = NEIGHBOUR_TYPES[extname(name).toLowerCase()];
    if (mediaType === undefined || found.length >= MAX_NEIGHBOURS) continue;
    const file = join(folder, name);
    try {
      const facts = await stat(file);
      if (facts.isFile() && facts.size <= MAX_NEIGHBOUR_BYTES)
        found.push({ name, mediaType, bytes: await readFile(file) });
    } catch (reason) {
      onUnreadable(file, reason);
    }
  }
  return found;
}
