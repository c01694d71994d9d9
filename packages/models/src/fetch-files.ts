import { chmod, copyFile, mkdir, open, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { changed, corrupt } from "./corrupt.ts";
import { download } from "./download.ts";
import { FetchFailure } from "./fetch-failure.ts";
import type { FetchLimits } from "./fetch-limits.ts";
import { digestsOf } from "./file-digest.ts";
import type { HttpClient } from "./http-client.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import { expectedFile, type FileDigest, type LockedModel } from "./model-lock.ts";
import type { OfferedFile } from "./offer.ts";

export interface FetchOptions {
  /** Where the model's files are to lie. */
  readonly target: string;
  /** Where files from the web are put together, each under the name of its content; survives the process. */
  readonly parts: string;
  readonly locked: LockedModel | undefined;
  readonly client: HttpClient;
  readonly limits: FetchLimits;
  /** Bytes of all files that are there. */
  readonly onBytes: (done: number) => void;
  readonly onProblem: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Brings a model's files, several at once, each checked against what its source, the manifest and the lock state of it.
 * @returns what they are
 * Throws FetchFailure, MODEL_CORRUPT. */
export async function fetchFiles(
  entry: ModelEntry,
  offered: readonly OfferedFile[],
  options: FetchOptions,
): Promise<Record<string, FileDigest>> {
  const { target, parts, locked, limits } = options;
  if (offered.some(({ at }) => typeof at !== "string")) await mkdir(parts, { recursive: true });
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const done = new Map<string, number>();
  const digests: Record<string, FileDigest> = {};
  // Files of the same content share a part: one is fetched, the others are copies of it.
  const groups = [...Map.groupBy(offered, (file) => contentName(file) ?? file.name).values()];
  const bring = async (group: readonly OfferedFile[]): Promise<void> => {
    const [first] = group;
    if (first === undefined) return;
    const { name, at } = first;
    for (const file of group) checkStatement(entry, locked, file);
    const path = typeof at === "string" ? join(target, name) : join(parts, contentName(first) ?? "");
    const got =
      typeof at === "string"
        ? await copied(entry, first, at, path, signal)
        : await downloaded(entry, first, at, path, { ...options, signal, onBytes: (bytes) => report(name, bytes) });
    report(name, got.size);
    for (const file of group) {
      checkDigest(entry, locked, file.name, got);
      digests[file.name] = { sha256: got.sha256, size: got.size };
    }
  };
  const report = (name: string, bytes: number) => {
    done.set(name, bytes);
    options.onBytes([...done.values()].reduce((sum, each) => sum + each, 0));
  };
  const queue = groups.values();
  const work = async () => {
    for (const group of queue) {
      signal.throwIfAborted();
      await bring(group);
    }
  };
  const workers = Array.from({ length: limits.filesAtOnce }, work);
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(workers);
    throw error;
  }
  // Only now: killed before, whole parts are there for the next pull.
  for (const group of groups) await place(group, options);
  await rmdir(parts).catch(() => {}); // others' parts may be there, or it was not made
  return digests;
}

/** Name of the part that holds a file: its content's, so that what an earlier pull left is known to be of the same file. */
function contentName({ at, sha256, gitOid }: OfferedFile): string | undefined {
  if (typeof at === "string") return undefined;
  if (sha256 === undefined && gitOid === undefined) throw new Error("a file of the web states what it is");
  return sha256 === undefined ? `git-${gitOid}` : `sha256-${sha256}`;
}

async function copied(entry: ModelEntry, file: OfferedFile, from: string, to: string, signal: AbortSignal) {
  await mkdir(dirname(to), { recursive: true });
  try {
    await copyFile(from, to);
  } catch (error) {
    if (["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    throw new FetchFailure((error as Error).message, {
      transient: false,
      help: "See that the file may be read.",
      cause: error,
    });
  }
  await chmod(to, 0o644); // the original may be read-only
  const got = await digestsOf(to, signal);
  if (!isAsStated(file, got)) throw corrupt(entry, `${from} has SHA-256 ${got.sha256}, not ${file.sha256}`);
  return got;
}

async function downloaded(
  entry: ModelEntry,
  file: OfferedFile,
  url: URL,
  part: string,
  { client, limits, onBytes, onProblem, signal }: FetchOptions,
) {
  const { token, size } = file;
  if (size === undefined) throw new Error("a file of the web states its size");
  let resumed = false;
  for (;;) {
    let first = true;
    const watch = (bytes: number) => {
      if (first) resumed = bytes > 0;
      first = false;
      onBytes(bytes);
    };
    await download(client, { url, token, size, part, onBytes: watch, onProblem }, limits, signal);
    const got = await digestsOf(part, signal);
    if (isAsStated(file, got)) return got;
    await rm(part);
    const said = `${url.origin}${url.pathname} has SHA-256 ${got.sha256}, not what its source states (${file.sha256 ?? `git ${file.gitOid}`})`;
    if (!resumed) throw corrupt(entry, said);
    onProblem(`${said}; fetched anew, as part of it was left by an earlier pull`);
  }
}

const isAsStated = ({ sha256, gitOid, size }: OfferedFile, got: FileDigest & { gitOid: string }) =>
  (sha256 ?? got.sha256) === got.sha256 && (gitOid ?? got.gitOid) === got.gitOid && (size ?? got.size) === got.size;

/** Before a byte is fetched: a source that states another content than the one on record is refused. */
function checkStatement(entry: ModelEntry, locked: LockedModel | undefined, { name, sha256, size }: OfferedFile): void {
  const want = expectedFile(entry, locked, name);
  if ((sha256 ?? want.sha256) !== (want.sha256 ?? sha256) || (size ?? want.size) !== (want.size ?? size))
    throw changed(
      entry,
      `its source states ${sha256 ?? `${size} bytes`} for ${name}; on record is ${want.sha256 ?? `${want.size} bytes`}`,
    );
}

function checkDigest(entry: ModelEntry, locked: LockedModel | undefined, name: string, got: FileDigest): void {
  const want = expectedFile(entry, locked, name);
  if ((want.sha256 ?? got.sha256) !== got.sha256 || (want.size ?? got.size) !== got.size)
    throw changed(
      entry,
      `${name} has ${got.size} bytes with SHA-256 ${got.sha256}; on record are ${want.size ?? "any"} bytes with ${want.sha256}`,
    );
}

async function place(group: readonly OfferedFile[], { target, parts }: FetchOptions): Promise<void> {
  const [first, ...copies] = group;
  if (first === undefined) return;
  const to = join(target, first.name);
  await mkdir(dirname(to), { recursive: true });
  const content = contentName(first);
  if (content !== undefined) await rename(join(parts, content), to);
  for (const { name } of copies) {
    await mkdir(dirname(join(target, name)), { recursive: true });
    await copyFile(to, join(target, name));
  }
  for (const { name } of group) {
    await using file = await open(join(target, name), "r+");
    await file.sync();
  }
}
