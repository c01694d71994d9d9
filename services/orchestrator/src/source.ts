import { constants } from "node:fs";
import { access, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { HeimdexError } from "@heimdex/errors";

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
  try {
    const url = new URL(uri);
    if (url.protocol === "file:" && (url.host === "" || url.host === "localhost")) return fileURLToPath(url);
  } catch (reason) {
    throw new HeimdexError("SOURCE_UNSUPPORTED", `${uri} is not a URI`, { cause: reason, metadata: { source: uri } });
  }
  throw new HeimdexError("SOURCE_UNSUPPORTED", `${uri}: only files of this machine can be read`, {
    metadata: { source: uri },
  });
}

/** Size and modification time. Throws SOURCE_NOT_FOUND, SOURCE_UNREADABLE, SOURCE_UNSUPPORTED. */
export async function statSource(path: string): Promise<SourceFacts> {
  const metadata = { source: path };
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw new HeimdexError("SOURCE_UNSUPPORTED", `${path} is not a regular file`, { metadata });
    await access(path, constants.R_OK);
    return { size: facts.size, modifiedMs: facts.mtimeMs };
  } catch (reason) {
    const code = (reason as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new HeimdexError("SOURCE_NOT_FOUND", `there is no file ${path}`, { cause: reason, metadata });
    if (code === "EACCES" || code === "EPERM")
      throw new HeimdexError("SOURCE_UNREADABLE", `${path} cannot be read: permission denied`, {
        cause: reason,
        metadata,
      });
    throw reason;
  }
}

/** SHA-256 of the whole file, read in a thread of its own. The file is looked at again afterwards: throws SOURCE_CHANGED when it is not as before. */
export async function fingerprint(path: string, before: SourceFacts, signal: AbortSignal): Promise<string> {
  const worker = new Worker(new URL("./fingerprint-thread.ts", import.meta.url), { workerData: path });
  const stop = () => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const sha256 = await new Promise<string>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () =>
        reject(signal.aborted ? signal.reason : new HeimdexError("INTERNAL", `reading ${path} ended without a result`)),
      );
    });
    await assertUnchanged(path, before);
    return sha256;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Throws SOURCE_CHANGED when size or modification time differ from what they were, SOURCE_NOT_FOUND when it has gone. */
export async function assertUnchanged(path: string, before: SourceFacts): Promise<void> {
  const now = await statSource(path);
  if (now.size === before.size && now.modifiedMs === before.modifiedMs) return;
  throw new HeimdexError(
    "SOURCE_CHANGED",
    `${path} changed while it was read (${before.size} bytes before, ${now.size} now)`,
    { metadata: { source: path } },
  );
}

/** Subtitle files beside the source: same folder, same stem, optionally with a language between. In order of name. */
export async function neighbours(path: string): Promise<{ name: string; mediaType: string; bytes: Uint8Array }[]> {
  const stem = basename(path, extname(path));
  const names = (await readdir(dirname(path)))
    .filter((name) => name !== basename(path) && name.startsWith(`${stem}.`))
    .sort();
  const found: { name: string; mediaType: string; bytes: Uint8Array }[] = [];
  for (const name of names) {
    const mediaType = NEIGHBOUR_TYPES[extname(name).toLowerCase()];
    if (mediaType === undefined || found.length >= MAX_NEIGHBOURS) continue;
    const file = join(dirname(path), name);
    const facts = await stat(file);
    if (facts.isFile() && facts.size <= MAX_NEIGHBOUR_BYTES)
      found.push({ name, mediaType, bytes: await readFile(file) });
  }
  return found;
}
