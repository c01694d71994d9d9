import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FetchFailure } from "./fetch-failure.ts";
import type { FetchLimits } from "./fetch-limits.ts";
import type { HttpClient } from "./http-client.ts";
import { hubSettings, offerOfHub } from "./hub.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import { modelDigest } from "./model-folder.ts";
import { expectedFiles, LOCK_FILE, type LockedModel, lockedFor, parseModelLock, sourceName } from "./model-lock.ts";
import type { Offer, OfferedFile } from "./offer.ts";
import { retried } from "./retry.ts";

export interface OfferOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Folder given for this one model. */
  readonly from?: string | undefined;
  readonly lock: Readonly<Record<string, LockedModel>>;
  readonly client: HttpClient;
  readonly limits: FetchLimits;
  readonly onProblem: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Where a model's files are to be had: in the folder given, else at the mirror, else at its source; undefined for a package, which npm fetches.
 * Throws FetchFailure when not all of them are there. */
export async function findOffer(entry: ModelEntry, options: OfferOptions): Promise<Offer | undefined> {
  const { env, from, lock, client, limits, onProblem, signal } = options;
  const { source } = entry;
  if (from !== undefined) return offerOfFolder(entry, resolve(from));
  if (env.HEIMDEX_MODEL_MIRROR) return offerOfMirror(entry, env.HEIMDEX_MODEL_MIRROR, options);
  switch (source.kind) {
    case "hf": {
      const settings = hubSettings(env);
      return offerOfHub(entry, source, lockedFor(entry, lock), settings, client, limits, onProblem, signal);
    }
    case "https":
      return {
        from: source.baseUrl,
        files: Object.entries(expectedFiles(entry, lock) ?? {}).map(([name, digest]) => ({
          name,
          at: new URL(entry.files[name]?.path ?? name, source.baseUrl),
          ...digest,
        })),
      };
    case "folder":
      return offerOfFolder(entry, source.path);
    case "npm":
    case "system":
      return undefined;
  }
}

/** Files by their names within the model (a copy of a model folder) or by their paths within the source (a copy of that). */
async function offerOfFolder(entry: ModelEntry, folder: string): Promise<Offer> {
  const files: OfferedFile[] = [];
  for (const [name, { path = name, optional }] of Object.entries(entry.files)) {
    const at = (await isThere(join(folder, name))) ? join(folder, name) : join(folder, path);
    if (await isThere(at)) files.push({ name, at });
    else if (!optional)
      throw new FetchFailure(`there is no ${at}`, {
        transient: false,
        help: `The folder has to hold ${Object.keys(entry.files).join(", ")}.`,
      });
  }
  return { from: folder, files };
}

/** A mirror is a filled model folder, on a web server or on a disk: `models.lock.json` and `ID/DIGEST/FILE`. */
async function offerOfMirror(entry: ModelEntry, mirror: string, options: OfferOptions): Promise<Offer> {
  const base = /^https?:\/\//.test(mirror) ? new URL(mirror.replace(/\/*$/, "/")) : resolve(mirror);
  const lock = await mirrorLock(base, options);
  const expected = expectedFiles(entry, options.lock) ?? expectedFiles(entry, lock);
  if (expected === undefined)
    throw new FetchFailure(`the mirror ${mirror} has no record of ${sourceName(entry.source)}`, {
      transient: false,
      help: `Pull it there first: \`HEIMDEX_MODELS=FOLDER heimdex models pull ${entry.id}\`, where FOLDER is what the mirror serves.`,
    });
  const path = `${entry.id}/${modelDigest(entry.id, expected).slice(0, 16)}`;
  const files = Object.entries(expected).map(([name, digest]) => ({
    name,
    at: typeof base === "string" ? join(base, path, name) : new URL(`${path}/${name}`, base),
    ...digest,
  }));
  return { from: mirror, commit: (lockedFor(entry, options.lock) ?? lockedFor(entry, lock))?.commit, files };
}

/** None where the mirror holds only models that the manifest fixes. */
async function mirrorLock(
  base: URL | string,
  { client, limits, onProblem, signal }: OfferOptions,
): Promise<Readonly<Record<string, LockedModel>>> {
  if (typeof base !== "string") {
    const url = new URL(LOCK_FILE, base);
    const text = () => client.text(url, { signal }).then(({ text }) => text, noneIfGone);
    return parseModelLock(await retried(text, limits, onProblem, signal), url.href);
  }
  const path = join(base, LOCK_FILE);
  return parseModelLock(await readFile(path, "utf8").catch(noneIfGone), path);
}

const isThere = (path: string) =>
  stat(path).then(
    (found) => found.isFile(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return false;
      return asFailure(error);
    },
  );

const NO_LOCK = JSON.stringify({ lock_version: 1, models: {} });

function noneIfGone(error: Error): string {
  if (error instanceof FetchFailure ? error.status === 404 : (error as NodeJS.ErrnoException).code === "ENOENT")
    return NO_LOCK;
  if (error instanceof FetchFailure) throw error;
  return asFailure(error);
}

function asFailure(error: Error): never {
  throw new FetchFailure(error.message, {
    transient: false,
    help: "See that the folder is there and may be read.",
    cause: error,
  });
}
