import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Name, without its scope, and version of the package that the running program belongs to. */
export async function findProgram(
  main: string | undefined = process.argv[1],
): Promise<{ name: string; version: string }> {
  for (let folder = dirname(main ?? "/"); ; folder = dirname(folder)) {
    const found = await readPackage(join(folder, "package.json"));
    if (found !== undefined) return found;
    if (folder === dirname(folder)) return { name: "worker", version: "" };
  }
}

async function readPackage(path: string): Promise<{ name: string; version: string } | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (reason) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes((reason as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw reason;
  }
  const { name, version } = JSON.parse(text) as { name?: string; version?: string };
  if (name === undefined) return undefined;
  return { name: name.replace(/^@[^/]+\//, ""), version: version ?? "" };
}
