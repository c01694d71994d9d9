import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { writeWhole } from "./host/data-folder.ts";

const remembered = z.object({
  query: z.string(),
  results: z.array(z.object({ asset: z.string(), source: z.string(), start_ms: z.number(), end_ms: z.number() })),
});
/** What `open 2` means: the results of the newest search, as they were numbered. */
export type LastSearch = z.output<typeof remembered>;

const fileOf = (root: string) => join(root, "last-search.json");

export async function rememberSearch(root: string, search: LastSearch): Promise<void> {
  await writeWhole(fileOf(root), `${JSON.stringify(search)}\n`);
}

/** Undefined when there was none. */
export async function lastSearch(root: string): Promise<LastSearch | undefined> {
  const text = await readFile(fileOf(root), "utf8").catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return undefined;
    throw reason;
  });
  if (text === undefined) return undefined;
  const parsed = remembered.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new HeimdexError("CONFIG_INVALID", `${fileOf(root)} is not what a search writes`, { help: "Search again." });
}
