/** A process that replaces assets for ever, to be killed. argv: location, storage options as JSON (default none). Stdout: `opening`, then `<asset> <revision>` for each replacement acknowledged. */
import { printLine } from "@heimdex/ports/conformance";
import { LanceMomentIndex } from "./lance-moment-index.ts";
import { moments } from "./moments.fixture.ts";

const ASSETS = 7;

const [, , location = "", storageOptions = "{}"] = process.argv;
const index = await LanceMomentIndex.open(location, { retainMs: 0, storageOptions: JSON.parse(storageOptions) });
printLine("opening");
const before = await index.revisions(
  "acme",
  Array.from({ length: ASSETS }, (_, i) => `asset-${i}`),
);
let revision = Math.max(...before.values());
for (;;) {
  revision++;
  const batch = [revision % ASSETS, (revision * 3 + 1) % ASSETS].map((i) => moments(`asset-${i}`, revision));
  await index.replaceAssets(batch);
  for (const { asset } of batch) printLine(`${asset} ${revision}`);
  if (revision % 4 === 0) await index.optimize();
}
