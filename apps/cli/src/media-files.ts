import { opendir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { isMediaName, MEDIA_EXTENSIONS } from "@heimdex/sources/names";

/** A file to index, or why a path gives none. */
export type Found =
  | { readonly path: string; readonly problem?: undefined }
  | { readonly path: string; readonly problem: HeimdexError };

/** The files that paths stand for: a file itself, a folder's media files with those of all folders below, in order of name. Names that begin with a
 * dot and Heimdex's own data directories are left out; a folder is visited once, however many links lead to it. Absolute paths, each once.
 * What is wrong with one path never stops the others: SOURCE_NOT_FOUND, SOURCE_UNREADABLE, SOURCE_EMPTY, SOURCE_UNSUPPORTED. */
export async function findMedia(paths: readonly string[], signal: AbortSignal): Promise<Found[]> {
  const found = new Map<string, Found>();
  const visits: Visits = { folders: new Set(), skipped: 0 };
  for (const given of paths) {
    signal.throwIfAborted();
    const path = resolve(given);
    for (const entry of await findIn(path, visits, signal)) if (!found.has(entry.path)) found.set(entry.path, entry);
  }
  return [...found.values()];
}

interface Visits {
  /** Real paths. */
  readonly folders: Set<string>;
  /** Folders not visited again. */
  skipped: number;
}

async function findIn(path: string, visits: Visits, signal: AbortSignal): Promise<Found[]> {
  try {
    const facts = await stat(path);
    if (facts.isFile()) return [{ path }];
    if (!facts.isDirectory()) {
      const message = `${path} is neither a file nor a folder`;
      return [{ path, problem: new HeimdexError("SOURCE_UNSUPPORTED", message, { metadata: { source: path } }) }];
    }
    const skippedBefore = visits.skipped;
    const files = await walk(path, visits, signal);
    if (files.length > 0 || visits.skipped > skippedBefore) return files;
    const help = `Name the files themselves if they are media under other names; from folders Heimdex takes ${[...MEDIA_EXTENSIONS].slice(0, 6).join(" ")} and more.`;
    const message = `the folder ${path} holds no media files`;
    return [{ path, problem: new HeimdexError("SOURCE_EMPTY", message, { metadata: { source: path }, help }) }];
  } catch (reason) {
    return [{ path, problem: sourceProblem(path, reason) }];
  }
}

async function walk(folder: string, visits: Visits, signal: AbortSignal): Promise<Found[]> {
  signal.throwIfAborted();
  const real = await realpath(folder);
  if (visits.folders.has(real)) {
    visits.skipped++;
    return [];
  }
  visits.folders.add(real);
  const entries = [];
  for await (const entry of await opendir(folder)) if (!entry.name.startsWith(".")) entries.push(entry);
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  if (entries.some(({ name }) => name === "catalog.sqlite") && entries.some(({ name }) => name === "version.json"))
    return [];
  const found: Found[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    try {
      // A link is what it points at; one that points nowhere is skipped, as other programs do.
      const kind = entry.isSymbolicLink() ? await stat(path).catch(unlessDangling) : entry;
      if (kind === undefined) continue;
      if (kind.isDirectory()) found.push(...(await walk(path, visits, signal)));
      else if (kind.isFile() && isMediaName(entry.name)) found.push({ path });
    } catch (reason) {
      found.push({ path, problem: sourceProblem(path, reason) });
    }
  }
  return found;
}

function unlessDangling(reason: NodeJS.ErrnoException): undefined {
  if (reason.code !== "ENOENT" && reason.code !== "ELOOP") throw reason;
}

/** Why a path cannot be read, by what the file system says. @throws what is none of these */
export function sourceProblem(path: string, reason: unknown): HeimdexError {
  const metadata = { source: path };
  switch ((reason as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return new HeimdexError("SOURCE_NOT_FOUND", `there is nothing at ${path}`, { metadata, cause: reason });
    case "EACCES":
    case "EPERM":
      return new HeimdexError("SOURCE_UNREADABLE", `${path} cannot be read: permission denied`, {
        metadata,
        cause: reason,
      });
    case "ELOOP":
    case "ENAMETOOLONG":
      return new HeimdexError("SOURCE_UNSUPPORTED", `${path} cannot be opened`, { metadata, cause: reason });
    default:
      throw reason;
  }
}
