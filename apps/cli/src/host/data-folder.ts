import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeimdexError } from "@heimdex/errors";

/** Form of the data directory. Grows when an older Heimdex could no longer read it. */
export const DATA_VERSION = 1;

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

/** Creates what is missing and checks the version. Throws DATA_VERSION_NEWER (and changes nothing then), CONFIG_INVALID when the folder cannot be used, DISK_FULL. */
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
  try {
    await makeFolders(root);
    await checkVersion(join(root, "version.json"), root);
    for (const path of [folder.blobs, folder.index, folder.logs, folder.run, folder.scratch])
      await mkdir(path, { recursive: true });
    await access(root, constants.W_OK);
  } catch (reason) {
    throw unusable(root, reason);
  }
  return folder;
}

/** Makes a folder and those above it. Node's own `recursive` never returns where a file system answers ENOENT to any mkdir, as /proc does. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (reason) {
    const { code } = reason as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path || (await isThere(dirname(path)))) throw reason;
    await makeFolders(dirname(path));
    await mkdir(path);
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (reason: NodeJS.ErrnoException) => {
      if (reason.code === "ENOENT") return false;
      throw reason;
    },
  );
}

/** What the system says of the folder, as an error that names it. */
function unusable(root: string, reason: unknown): unknown {
  const { code } = reason as NodeJS.ErrnoException;
  const metadata = { data: root };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return new HeimdexError("DISK_FULL", `there is no room left on the disk of the data directory ${root}`, {
        cause: reason,
        metadata,
        help: "Free some space, or choose another data directory with --data.",
      });
    case "EACCES":
    case "ENOENT":
    case "EPERM":
    case "EROFS":
    case "ENOTDIR":
    case "EEXIST":
    case "ENAMETOOLONG":
      return new HeimdexError("CONFIG_INVALID", `the data directory ${root} cannot be used`, {
        cause: reason,
        metadata,
        help: "Choose a folder that you may write to with --data or HEIMDEX_DATA.",
      });
    default:
      return reason;
  }
}

async function checkVersion(path: string, root: string): Promise<void> {
  const text = await readFile(path, "utf8").catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT") return undefined;
    throw reason;
  });
  if (text === undefined) return writeWhole(path, `${JSON.stringify({ data_version: DATA_VERSION })}\n`);
  const version = readVersion(text);
  if (version === undefined)
    throw new HeimdexError("CONFIG_INVALID", `${path} does not say which form the data have`, {
      metadata: { data: root },
      help: `Put back the file, or, if an older Heimdex wrote the folder, one with {"data_version": ${DATA_VERSION}}.`,
    });
  if (version <= DATA_VERSION) return;
  throw new HeimdexError("DATA_VERSION_NEWER", `${root} has the form ${version}; this Heimdex knows ${DATA_VERSION}`, {
    metadata: { data: root },
  });
}

function readVersion(text: string): number | undefined {
  try {
    const { data_version: version } = JSON.parse(text) as { data_version?: unknown };
    return Number.isSafeInteger(version) ? (version as number) : undefined;
  } catch (reason) {
    if (reason instanceof SyntaxError || reason instanceof TypeError) return undefined;
    throw reason;
  }
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
  try {
    await writeFile(half, content, { mode: 0o600, flush: true });
    await rename(half, path);
  } catch (reason) {
    await rm(half, { force: true });
    throw reason;
  }
}
