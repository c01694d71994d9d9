import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { HeimdexError } from "@heimdex/errors";
import type { Catalog, WriteOp } from "@heimdex/ports";
import { withId } from "@heimdex/ports/conformance";
import { type MongoServer, startMongo } from "@heimdex/testing-servers";
import { MongoClient } from "mongodb";
import { MongoCatalog } from "./mongo-catalog.ts";

const OPTIONS = { timeout: 300_000 };

const put = (id: string, body: unknown = { id }): WriteOp => ({
  op: "put",
  collection: "jobs",
  id,
  terms: ["t"],
  sort: id,
  body,
});

async function newServer(t: TestContext): Promise<MongoServer> {
  const server = await startMongo();
  t.after(() => server[Symbol.asyncDispose]());
  return server;
}

async function open(t: TestContext, server: MongoServer, timeoutMs: number, database?: string): Promise<MongoCatalog> {
  const named = database === undefined ? {} : { database };
  const catalog = await MongoCatalog.open({ url: server.url, timeoutMs, ...named });
  t.after(() => catalog[Symbol.asyncDispose]());
  return catalog;
}

/** Asks until the server answers again. Anything but CATALOG_UNAVAILABLE ends the test, as does its timeout. */
async function answering<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      withId("CATALOG_UNAVAILABLE")(error);
      await nextTurn(); // calls may be refused at once: the connections' own events must get through
    }
  }
}

/** Writes ever higher numbers into a document until told to stop.
 * @returns the highest number whose write was answered */
async function count(catalog: Catalog, id: string, stopped: AbortSignal): Promise<number> {
  let acknowledged = 0;
  while (!stopped.aborted) {
    try {
      await catalog.write([put(id, acknowledged + 1)]);
      acknowledged++;
    } catch (error) {
      withId("CATALOG_UNAVAILABLE")(error);
      await nextTurn();
    }
  }
  return acknowledged;
}

test(
  "what was answered survives the server's end, over and over; calls go on by themselves when it is back",
  OPTIONS,
  async (t) => {
    const server = await newServer(t);
    const catalog = await open(t, server, 3_000);
    for (let round = 0; round < 3; round++) {
      const stop = new AbortController();
      const writers = Array.from({ length: 8 }, (_, i) => count(catalog, `r${round}w${i}`, stop.signal));
      while (catalog.writes < (round + 1) * 100) await answering(() => catalog.count("jobs"));
      await server.container.kill();
      await assert.rejects(catalog.get("jobs", "a"), withId("CATALOG_UNAVAILABLE"));
      stop.abort();
      const acknowledged = await Promise.all(writers);
      await server.container.start();
      const stored = await answering(() =>
        catalog.getMany<number>(
          "jobs",
          writers.map((_, i) => `r${round}w${i}`),
        ),
      );
      for (const [i, least] of acknowledged.entries()) {
        const body = stored[i]?.body ?? 0;
        // The one write whose answer was lost may be there or not.
        assert.ok(body === least || body === least + 1, `${least} writes were answered, ${body} is stored`);
        assert.equal(stored[i]?.version ?? 0, body);
      }
      t.diagnostic(`${acknowledged.reduce((sum, n) => sum + n, 0)} writes answered before kill ${round + 1}`);
    }
  },
);

test("while the server hangs calls end in their time, and the same catalog goes on afterwards", OPTIONS, async (t) => {
  const server = await newServer(t);
  const catalog = await open(t, server, 1_000);
  await answering(() => catalog.write([put("a"), put("b")]));
  await server.container.pause();
  const unavailable = withId("CATALOG_UNAVAILABLE");
  await Promise.all([
    assert.rejects(catalog.get("jobs", "a"), unavailable),
    assert.rejects(catalog.getMany("jobs", ["a", "b"]), unavailable),
    assert.rejects(catalog.find({ collection: "jobs", term: "t", limit: 9 }), unavailable),
    assert.rejects(catalog.count("jobs", "t"), unavailable),
    assert.rejects(catalog.write([put("c")]), unavailable),
    assert.rejects(
      catalog.write([{ ...put("d"), op: "insert" } as WriteOp, { ...put("e"), op: "insert" } as WriteOp]),
      unavailable,
    ),
  ]);
  await server.container.resume();
  await answering(() => catalog.write([put("a", "again")]));
  assert.equal((await answering(() => catalog.get("jobs", "a")))?.body, "again");
});

test("a catalog can be closed while its server hangs", OPTIONS, async (t) => {
  const server = await newServer(t);
  const catalog = await open(t, server, 1_000);
  await server.container.pause();
  const waiting = assert.rejects(catalog.get("jobs", "a"), withId("CATALOG_UNAVAILABLE"));
  await catalog[Symbol.asyncDispose]();
  await waiting;
  await server.container.resume();
});

test("a compare-and-set repeated after a lost answer is never applied twice", OPTIONS, async (t) => {
  const server = await newServer(t);
  const catalog = await open(t, server, 1_000);
  await answering(() => catalog.write([{ ...put("a", 0), op: "insert" } as WriteOp]));
  const stop = new AbortController();
  const winners: number[] = [];
  const racing = Array.from({ length: 6 }, async () => {
    while (!stop.signal.aborted) {
      const now = await answering(() => catalog.get<number>("jobs", "a"));
      assert.ok(now);
      const version = now.version;
      const op = { ...put("a", now.body + 1), op: "replace", version } as WriteOp;
      const [result] = await catalog.write([op]).catch(async (error) => {
        withId("CATALOG_UNAVAILABLE")(error);
        await nextTurn();
        return [];
      });
      if (result?.ok) winners.push(version);
    }
  });
  for (let pauses = 0; pauses < 3; pauses++) {
    const from = winners.length;
    while (winners.length < from + 20) await answering(() => catalog.count("jobs"));
    await server.container.pause();
    await assert.rejects(catalog.get("jobs", "a"), withId("CATALOG_UNAVAILABLE"));
    await server.container.resume();
  }
  stop.abort();
  await Promise.all(racing);
  assert.equal(new Set(winners).size, winners.length, "each version was replaced once");
  const last = await answering(() => catalog.get<number>("jobs", "a"));
  assert.equal(last?.version, (last?.body ?? -1) + 1, "each write counted once");
});

test(
  "a wrong password, a wrong address and a malformed one are told apart, and no message holds the password",
  OPTIONS,
  async (t) => {
    const server = await newServer(t);
    const refused = async (url: string, id: "CATALOG_UNAVAILABLE" | "CONFIG_INVALID", message: RegExp) =>
      assert.rejects(MongoCatalog.open({ url, timeoutMs: 10_000 }), (error: HeimdexError) => {
        withId(id)(error);
        assert.match(error.message, message);
        assert.doesNotMatch(JSON.stringify(error), /geheim/);
        assert.ok(error.cause instanceof Error);
        return true;
      });
    await refused(server.url.replace(/root:\w+@/, "root:geheim@"), "CATALOG_UNAVAILABLE", /refused the user/);
    await refused(
      "mongodb://root:geheim@localhost:1/",
      "CATALOG_UNAVAILABLE",
      /localhost:1\/heimdex cannot be reached/,
    );
    await refused("http://root:geheim@localhost/", "CONFIG_INVALID", /URL/);
  },
);

test("indexes are made once, whoever comes first; one that is another is refused", OPTIONS, async (t) => {
  const server = await newServer(t);
  const database = `heimdex_${randomUUID()}`;
  const catalogs = await Promise.all(Array.from({ length: 4 }, () => open(t, server, 60_000, database)));
  await Promise.all(catalogs.map((catalog, i) => catalog.write([put(`j${i}`)])));
  assert.equal(await catalogs[0]?.count("jobs", "t"), 4);
  await using client = new MongoClient(server.url);
  const jobs = client.db(database).collection("jobs");
  assert.deepEqual((await jobs.indexes()).map(({ name }) => name).toSorted(), [
    "_id_",
    "by_sort",
    "by_term_id",
    "by_term_sort",
  ]);
  await jobs.dropIndex("by_sort");
  await jobs.createIndex({ _id: 1, sort: 1 }, { name: "by_sort" });
  await assert.rejects(MongoCatalog.open({ url: server.url, database }), (error: HeimdexError) => {
    withId("CATALOG_UNAVAILABLE")(error);
    assert.match(error.message, /index by_sort of jobs is not Heimdex's/);
    return true;
  });
});
