import { randomUUID } from "node:crypto";
import { after, before, type TestContext } from "node:test";
import { catalogConformance } from "@heimdex/ports/conformance";
import { type MongoServer, startMongo } from "@heimdex/testing-servers";
import { MongoCatalog } from "./mongo-catalog.ts";

let server: MongoServer;
before(async () => {
  server = await startMongo();
});
after(() => server[Symbol.asyncDispose]());

catalogConformance("MongoCatalog", async (t: TestContext) => {
  const database = `heimdex_${randomUUID()}`;
  const connect = async () => {
    const catalog = await MongoCatalog.open({ url: server.url, database, timeoutMs: 60_000 });
    t.after(() => catalog[Symbol.asyncDispose]());
    return catalog;
  };
  return { catalog: await connect(), connect };
});
