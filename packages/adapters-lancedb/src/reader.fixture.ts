/** A process that searches one asset until it is told to stop (stdin ends). argv: location, storage options as JSON. Stdout: `<revision> <moments>` whenever
 * that has changed. */
import { printLine } from "@heimdex/ports/conformance";
import { LanceMomentIndex } from "./lance-moment-index.ts";

const [, , location = "", storageOptions = "{}"] = process.argv;
const index = await LanceMomentIndex.open(location, { storageOptions: JSON.parse(storageOptions) });
let isStopped = false;
process.stdin.once("end", () => {
  isStopped = true;
});
process.stdin.resume();
for (let last = ""; !isStopped; ) {
  const hits = await index.searchText("spoken", ["everywhere"], { tenant: "acme", assets: ["a"] }, 100);
  const seen = [...new Set(hits.map((hit) => hit.row.revision))].join(",");
  const line = `${seen} ${hits.length}`;
  if (line !== last) printLine(line);
  last = line;
}
await index[Symbol.asyncDispose]();
