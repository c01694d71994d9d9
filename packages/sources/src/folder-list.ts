import type { Dirent } from "node:fs";
import { opendir, realpath, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { HeimdexError } from "@heimdex/errors";
import { fileError } from "./file-source.ts";
import { isMediaName } from "./media-name.ts";
import type { SourcePage } from "./source-page.ts";

interface Page {
  readonly sources: SourcePage["sources"][number][];
  readonly leftOut: SourcePage["leftOut"][number][];
}

/** The films below a folder, in order of name, folder by folder. What is kept in memory is bounded by the page, however many files a folder holds.
 * Links are followed, but not to where they came from; names that begin with a dot and Heimdex's own data directories are left out.
 * @param after path relative to the folder behind which to go on; "": from the first
 * @param limit files that are looked at
 * @param mayName rejects with SOURCE_REFUSED where a link leads out of what the caller may see */
export async function listFolder(
  folder: string,
  after: string,
  limit: number,
  mayName: (path: string) => Promise<void>,
): Promise<SourcePage> {
  const page: Page = { sources: [], leftOut: [] };
  try {
    const last = await walk(folder, after === "" ? [] : after.split("/"), limit, page, [], mayName);
    return { ...page, next: last === undefined ? "" : relative(folder, last) };
  } catch (reason) {
    throw fileError(folder, reason);
  }
}

/** The path it stopped at, as the page is full; undefined when all of the folder was seen. */
async function walk(
  folder: string,
  [from = "", ...within]: readonly string[],
  limit: number,
  page: Page,
  above: readonly string[],
  mayName: (path: string) => Promise<void>,
): Promise<string | undefined> {
  const real = await realpath(folder);
  if (above.includes(real)) return undefined;
  const leave = (path: string, why: string) => page.leftOut.push({ uri: pathToFileURL(path).href, why });
  for (let behind = from, isInside = within.length > 0; ; ) {
    const entries = await nextEntries(folder, behind, isInside, limit);
    if (entries === "own") {
      leave(`${folder}/`, "it is a data directory of Heimdex");
      return undefined;
    }
    for (const { name, isFolder, isLink } of entries) {
      const path = join(folder, name);
      if (isLink && !(await isNamed(path, mayName))) {
        leave(path, "it is a link that leads elsewhere");
        continue;
      }
      if (isFolder) {
        const rest = isInside && name === from ? within : [];
        const last = await walk(path, rest, limit, page, [...above, real], mayName).catch((reason: unknown) => {
          leave(`${path}/`, HeimdexError.from(fileError(path, reason)).message);
          return undefined;
        });
        if (last !== undefined) return last;
      } else {
        const facts = await stat(path).catch(() => undefined);
        if (facts === undefined) leave(path, "it cannot be read");
        else if (!facts.isFile()) leave(path, "it is no regular file");
        else if (!isMediaName(name)) leave(path, "its name is not that of media");
        else page.sources.push({ uri: pathToFileURL(path).href, size: facts.size, modifiedMs: facts.mtimeMs });
        if (page.sources.length + page.leftOut.length >= limit) return path;
      }
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < limit) return undefined;
    behind = last.name;
    isInside = false;
  }
}

/** The first entries of a folder behind a name, or with it; "own" where it is a data directory of Heimdex. */
async function nextEntries(
  folder: string,
  behind: string,
  inclusive: boolean,
  limit: number,
): Promise<{ readonly name: string; readonly isFolder: boolean; readonly isLink: boolean }[] | "own"> {
  let kept: Dirent[] = [];
  const marks = new Set<string>();
  for await (const entry of await opendir(folder)) {
    const { name } = entry;
    if (name === "catalog.sqlite" || name === "version.json") marks.add(name);
    if (name.startsWith(".") || name < behind || (name === behind && !inclusive)) continue;
    kept.push(entry);
    if (kept.length >= 2 * limit) kept = first(kept, limit);
  }
  if (marks.size === 2) return "own";
  return Promise.all(
    first(kept, limit).map(async (entry) => {
      // A link is what it points at; one that points nowhere is told when it is looked at.
      const isLink = entry.isSymbolicLink();
      const kind = isLink ? await stat(join(folder, entry.name)).catch(() => entry) : entry;
      return { name: entry.name, isFolder: kind.isDirectory(), isLink };
    }),
  );
}

function first(entries: Dirent[], limit: number): Dirent[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
}

async function isNamed(path: string, mayName: (path: string) => Promise<void>): Promise<boolean> {
  try {
    await mayName(path);
    return true;
  } catch (reason) {
    if (!(reason instanceof HeimdexError) || reason.id !== "SOURCE_REFUSED") throw reason;
    return false;
  }
}
