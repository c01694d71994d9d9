import { writeFile } from "node:fs/promises";
import { schemaDocument } from "./schema-document.ts";

/** Writes docs/architecture/sidecar.schema.json. scripts/check-stale runs it and fails when the file was another. */
const path = new URL("../../../docs/architecture/sidecar.schema.json", import.meta.url);
await writeFile(path, `${JSON.stringify(schemaDocument(), undefined, 2)}\n`);
