import { readFile, writeFile } from "node:fs/promises";
import { renderModelsPage } from "./models-page.ts";

/** Writes the lower part of docs/reference/models.md; what stands above the marker is written by hand. */
const path = new URL("../../../docs/reference/models.md", import.meta.url);
await writeFile(path, renderModelsPage(await readFile(path, "utf8")));
