import { writeFile } from "node:fs/promises";
import { schemaDocument } from "./schema-document.ts";

/** Writes docs/architecture/sidecar.schema.json. Run by `make proto`'s sister scripts/check-stale, and by hand after a change of the schemas. */
const path = new URL("../../../docs/architecture/sidecar.schema.json", import.meta.url);
await writeFile(path, `${JSON.stringify(schemaDocument(), undefined, 2)}\n`);
