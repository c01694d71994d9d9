/** A process that does half of a migration, says so, and waits to be killed. argv: URL of MongoDB, database. */
import { MongoCatalog } from "@heimdex/adapters-mongo";
import { prepareCatalog } from "./prepare-catalog.ts";

const [, , url = "", database = ""] = process.argv;
const catalog = await MongoCatalog.open({ url, database });
const hanging = {
  name: "hangs",
  run: async () => {
    await catalog.write([{ op: "put", collection: "jobs", id: "half", terms: [], sort: "", body: 1 }]);
    process.send?.("half");
    await new Promise(() => {});
  },
};
await prepareCatalog(catalog, new AbortController().signal, { migrations: [hanging], leaseMs: 3_000 });
