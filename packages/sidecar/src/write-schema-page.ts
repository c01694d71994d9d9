import { readFile, writeFile } from "node:fs/promises";
import { annotatedSchema } from "./schema-document.ts";
import { fieldReference, renderPage } from "./schema-page.ts";

/** Writes the generated part of docs/architecture/sidecar-schema.md; what stands above the marker is written by hand. */
const path = new URL("../../../docs/architecture/sidecar-schema.md", import.meta.url);
await writeFile(path, renderPage(await readFile(path, "utf8"), fieldReference(annotatedSchema())));
