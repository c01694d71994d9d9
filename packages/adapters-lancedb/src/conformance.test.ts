import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { momentIndexConformance } from "@heimdex/ports/conformance";
import { LanceMomentIndex } from "./lance-moment-index.ts";

momentIndexConformance("LanceDB in a folder", async (t, analyze) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-lance-"));
  const open = () => LanceMomentIndex.open(folder, { analyze, analyzerId: "conformance" });
  const index = await open();
  let last = index;
  t.after(async () => {
    await last[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    index,
    reopen: async () => {
      await last[Symbol.asyncDispose]();
      last = await open();
      return last;
    },
  };
});
