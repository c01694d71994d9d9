import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { writeWhole } from "./host/data-folder.ts";
import { count } from "./ui/text.ts";
import { UsageError } from "./usage-error.ts";

const remembered = z.object({
  query: z.string(),
  results: z.array(
    z.object({
      asset: z.string(),
      source: z.string(),
      start_ms: z.number(),
      end_ms: z.number(),
      /** When to look; absent where an older version searched. */
      at_ms: z.number().optional(),
      /** Id of the moment; absent where an older version searched. */
      moment: z.string().optional(),
    }),
  ),
});
/** What `open 2` and `search --like 2` mean: the results of the newest search, as they were numbered. */
export type LastSearch = z.output<typeof remembered>;

const fileOf = (root: string) => join(root, "last-search.json");

export async function rememberSearch(root: string, search: LastSearch): Promise<void> {
  await writeWhole(fileOf(root), `${JSON.stringify(search)}\n`);
}

/** A result of the newest search by its number, from 1.
 * @throws UsageError when there is none of that number */
export async function resultOfLastSearch(root: string, number: number): Promise<LastSearch["results"][number]> {
  const search = await lastSearch(root);
  if (search === undefined) throw new UsageError("there was no search yet", "Search first: heimdex search QUERY");
  const result = search.results[number - 1];
  if (result !== undefined) return result;
  const which = search.query === "" ? "the last search" : `the last search, "${search.query}",`;
  throw new UsageError(
    `${which} had ${count(search.results.length, "result")}: there is no number ${number}`,
    "Search again, or name ASSET@TIME.",
  );
}

/** Undefined when there was none. */
async function lastSearch(root: string): Promise<LastSearch | undefined> {
  const text = await readFile(fileOf(root), "utf8").catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return undefined;
    throw reason;
  });
  if (text === undefined) return undefined;
  const parsed = remembered.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new HeimdexError("CONFIG_INVALID", `${fileOf(root)} is not what a search writes`, { help: "Search again." });
}
