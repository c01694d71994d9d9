import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { catalogConformance } from "@heimdex/ports/conformance";
import { SqliteCatalog } from "./sqlite-catalog.ts";

catalogConformance("SqliteCatalog", async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-catalog-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const connect = async () => {
    const catalog = await SqliteCatalog.open(join(folder, "catalog.db"));
    t.after(() => catalog[Symbol.asyncDispose]());
    return catalog;
  };
  return { catalog: await connect(), connect };
});
