import { readFile, writeFile } from "node:fs/promises";
import { renderPage } from "./errors-page.ts";

/** Writes the table of docs/reference/errors.md; what stands above the marker is written by hand. */
const path = new URL("../../../docs/reference/errors.md", import.meta.url);
await writeFile(path, renderPage(await readFile(path, "utf8")));
