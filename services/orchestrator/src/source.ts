import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, open, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { HeimdexError } from "@heimdex/errors";
import { KeyedQueue } from "./keyed-queue.ts";

export interface SourceFacts {
  /** Bytes. */
  readonly size: number;
  /** Unix ms, fraction kept. */
  readonly modifiedMs: number;
}

/** Small files beside a film that share its stem. */
const NEIGHBOUR_TYPES: Readonly<Record<string, string>> = {
  ".srt": "application/x-subrip",
  ".vtt": "text/vtt",
  ".ass": "text/x-ssa",
  ".ssa": "text/x-ssa",
};
const MAX_NEIGHBOUR_BYTES = 8 * 1024 * 1024;
const MAX_NEIGHBOURS = 32;

/** The path of a source. Throws SOURCE_UNSUPPORTED for anything but a local `file://` URI. */
export function sourcePath(uri: string): string {
  const refuse = (why: string, cause?: unknown) =>
    new HeimdexError("SOURCE_UNSUPPORTED", `${uri.slice(0, 500)} ${why}`, { cause, metadata: { source: uri } });
  let path: string;
  let url: URL;
  try {
    url = new URL(uri);
    if (url.protocol !== "file:" || (url.host !== "" && url.host !== "localhost"))
      throw refuse("is not on this machine: only its files can be read");
    path = fileURLToPath(url);
  } catch (reason) {
    if (reason instanceof HeimdexError) throw reason;
    throw refuse("is not a file URI: it begins with file:/// and an absolute path, percent-encoded", reason);
  }
  if (url.search !== "" || url.hash !== "") throw refuse("holds a ? or # that is not percent-encoded");
  if (path.includes("\0")) throw refuse("holds a zero byte");
  return path;
}

/** The one way of writing a source's URI. Throws SOURCE_UNSUPPORTED. */
export function canonicalUri(uri: string): string {
  return pathToFileURL(sourcePath(uri)).href;
}

/** A source's file name, for people. */
export function sourceName(uri: string): string {
  return basename(sourcePath(uri));
}

/** Size and modification time of a file that can be read. Throws SOURCE_NOT_FOUND, SOURCE_UNREADABLE, SOURCE_UNSUPPORTED. */
export async function statSource(path: string): Promise<SourceFacts> {
  const facts = await factsOf(path);
  try {
    await access(path, constants.R_OK);
    return facts;
  } catch (reason) {
    throw sourceError(path, reason);
  }
}

async function factsOf(path: string): Promise<SourceFacts> {
  try {
    const facts = await stat(path);
    if (!facts.isFile())
      throw new HeimdexError("SOURCE_UNSUPPORTED", `${path} is not a regular file`, { metadata: { source: path } });
    return { size: facts.size, modifiedMs: facts.mtimeMs };
  } catch (reason) {
    throw sourceError(path, reason);
  }
}

/** What the file system says against reading a source, as an error of ours. */
function sourceError(path: string, reason: unknown): unknown {
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
const CHUNK_BYTES = 64 * 1024;
const large = new KeyedQueue();

/** SHA-256 of the whole file. Large ones are read in a thread of their own, one at a time. The file is looked at again afterwards: throws SOURCE_CHANGED
 * when it is not as before. */
export async function fingerprint(path: string, before: SourceFacts, signal: AbortSignal): Promise<string> {
  const sha256 =
    before.size <= SMALL_BYTES
      ? await hashHere(path, signal)
      : await large.run("disk", () => hashInThread(path, signal));
  await assertUnchanged(path, before);
  return sha256;
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
    throw sourceError(path, reason);
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
      worker.once("error", (reason) => reject(sourceError(path, reason)));
      worker.once("exit", () =>
        reject(signal.aborted ? signal.reason : new HeimdexError("INTERNAL", `reading ${path} ended without a result`)),
      );
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Throws SOURCE_CHANGED when size or modification time differ from what they were, SOURCE_NOT_FOUND when it has gone. */
export async function assertUnchanged(path: string, before: SourceFacts): Promise<void> {
  const now = await factsOf(path);
  if (now.size === before.size && now.modifiedMs === before.modifiedMs) return;
  throw new HeimdexError(
    "SOURCE_CHANGED",
    `${path} changed while it was read (${before.size} bytes before, ${now.size} now)`,
    { metadata: { source: path } },
  );
}

/** Subtitle files beside the source: same folder, same stem, optionally with a language between. In order of name. What cannot be read is left out,
 * and `onUnreadable` hears of it: a film must not wait for its subtitles. */
export async function neighbours(
  path: string,
  onUnreadable: (path: string, reason: unknown) => void,
): Promise<{ name: string; mediaType: string; bytes: Uint8Array }[]> {
  const stem = basename(path, extname(path));
  const folder = dirname(path);
  const found: { name: string; mediaType: string; bytes: Uint8Array }[] = [];
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
