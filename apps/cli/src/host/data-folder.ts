import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { HeimdexError } from "@heimdex/errors";

/** Form of the data directory. Grows when an older Heimdex could no longer read it. */
const DATA_VERSION = 1;

/** Where everything of one archive lies. */
export interface DataFolder {
  readonly root: string;
  readonly catalog: string;
  readonly blobs: string;
  readonly index: string;
  readonly logs: string;
  /** What is true only while a host runs. */
  readonly run: string;
  /** Attempts' scratch folders. */
  readonly scratch: string;
}

/** The data directory of `--data`, else HEIMDEX_DATA, else `.heimdex` here. */
export function dataRoot(option: string | undefined, env: NodeJS.ProcessEnv): string {
  return resolve(option ?? (env.HEIMDEX_DATA || ".heimdex"));
}

/** Creates what is missing and checks the version. Throws DATA_VERSION_NEWER. */
export async function openDataFolder(root: string): Promise<DataFolder> {
  const folder: DataFolder = {
    root,
    catalog: join(root, "catalog.sqlite"),
    blobs: join(root, "blobs"),
    index: join(root, "index"),
    logs: join(root, "logs"),
    run: join(root, "run"),
    scratch: join(root, "scratch"),
  };
  await mkdir(root, { recursive: true });
  for (const path of [folder.blobs, folder.index, folder.logs, folder.run, folder.scratch])
    await mkdir(path, { recursive: true });
  await checkVersion(join(root, "version.json"), root);
  return folder;
}

async function checkVersion(path: string, root: string): Promise<void> {
  const text = await readFile(path, "utf8").catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT") return undefined;
    throw reason;
  });
  if (text === undefined) return writeWhole(path, `${JSON.stringify({ data_version: DATA_VERSION })}\n`);
  const version = (JSON.parse(text) as { data_version?: number }).data_version ?? 0;
  if (version <= DATA_VERSION) return;
  throw new HeimdexError("DATA_VERSION_NEWER", `${root} has the form ${version}; this Heimdex knows ${DATA_VERSION}`, {
    metadata: { data: root },
  });
}

/** The key that signs data URLs: made once, kept beside the data, readable by its owner only. */
export async function signingKey(folder: DataFolder): Promise<Uint8Array> {
  const path = join(folder.root, "signing-key");
  const stored = await readFile(path).catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT") return undefined;
    throw reason;
  });
  if (stored !== undefined && stored.byteLength >= 32) return stored;
  const key = randomBytes(32);
  await writeWhole(path, key);
  return key;
}

/** Writes a small file whole or not at all, readable by its owner only. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const half = `${path}.${process.pid}.tmp`;
  await writeFile(half, content, { mode: 0o600, flush: true });
  await rename(half, path);
}
