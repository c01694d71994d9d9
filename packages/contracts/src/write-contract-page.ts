import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { renderContractPage } from "./contract-page.ts";

/** Writes the reference part of docs/reference/stage-contract.md; what stands above the marker is written by hand. */
const root = fileURLToPath(new URL("../../../", import.meta.url));
const path = `${root}docs/reference/stage-contract.md`;
const buf = `${root}node_modules/.bin/buf`;
// With source information: the comments are the reference. The descriptors in gen/ come without.
const descriptors = execFileSync(buf, ["build", "--path", "proto/heimdex/stage", "-o", "-"], {
  cwd: root,
  maxBuffer: 64 * 1024 * 1024,
});
await writeFile(path, renderContractPage(await readFile(path, "utf8"), descriptors));
