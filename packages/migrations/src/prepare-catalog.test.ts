import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import type { HeimdexError } from "@heimdex/errors";
import type { Catalog } from "@heimdex/ports";
import type { Migration } from "./migrations.ts";
import { prepareCatalog } from "./prepare-catalog.ts";

const OPTIONS = { timeout: 60_000 };
const signal = new AbortController().signal;

/** @returns opens a connection to one new catalog, as another process has it */
async function newCatalog(t: TestContext): Promise<() => Promise<Catalog>> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-migrations-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return async () => {
    const catalog = await SqliteCatalog.open(join(folder, "catalog.sqlite"));
    t.after(() => catalog[Symbol.asyncDispose]());
    return catalog;
  };
}

async function stored(catalog: Catalog): Promise<unknown> {
  return (await catalog.get("meta", "catalog-version"))?.body;
}

/** Notes that it ran. */
function noting(name: string, ran: string[]): Migration {
  return { name, run: async () => void ran.push(name) };
}

test("migrations run in order, once, and a new one later alone", OPTIONS, async (t) => {
  const open = await newCatalog(t);
  const ran: string[] = [];
  const migrations = [noting("first", ran), noting("second", ran)];
  await prepareCatalog(await open(), signal, { migrations });
  await prepareCatalog(await open(), signal, { migrations });
  assert.deepEqual(ran, ["first", "second"]);
  const catalog = await open();
  await prepareCatalog(catalog, signal, { migrations: [...migrations, noting("third", ran)] });
  assert.deepEqual(ran, ["first", "second", "third"]);
  assert.deepEqual(await stored(catalog), { version: 4 });
});

test("a catalog of a newer form is refused, naming both, and left as it is", OPTIONS, async (t) => {
  const open = await newCatalog(t);
  const catalog = await open();
  const ran: string[] = [];
  await prepareCatalog(catalog, signal, { migrations: [noting("first", ran), noting("second", ran)] });
  await assert.rejects(
    prepareCatalog(catalog, signal, { migrations: [noting("first", ran)] }),
    (error: HeimdexError) => {
      assert.equal(error.id, "DATA_VERSION_NEWER");
      assert.match(error.message, /form 3.* 2$/);
      return true;
    },
  );
  assert.deepEqual(await stored(catalog), { version: 3 });
});

test("of ten that start at once one runs each migration, the others wait until it is done", OPTIONS, async (t) => {
  const open = await newCatalog(t);
  const ran: string[] = [];
  let running = 0;
  const slow = (name: string): Migration => ({
    name,
    run: async (catalog) => {
      assert.equal(++running, 1, "nobody else runs one");
      for (let i = 0; i < 20; i++)
        await catalog.write([{ op: "put", collection: "jobs", id: name, terms: [], sort: "", body: i }]);
      running--;
      ran.push(name);
    },
  });
  const migrations = [slow("first"), slow("second")];
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const catalog = await open();
      await prepareCatalog(catalog, signal, { migrations, pollMs: 5 });
      assert.deepEqual(await stored(catalog), { version: 3 });
    }),
  );
  assert.deepEqual(ran, ["first", "second"]);
});

test(
  "when the one that runs a migration falls silent, another takes over, and the first changes nothing any more",
  OPTIONS,
  async (t) => {
    const open = await newCatalog(t);
    const first = await open();
    const began = Promise.withResolvers<void>();
    const takenOver = Promise.withResolvers<void>();
    // A holder whose renewals do not get through, as one that hangs or is cut off.
    const mute: Catalog = Object.assign(Object.create(first), {
      get: first.get.bind(first),
      write: (ops: Parameters<Catalog["write"]>[0]) => (cut ? Promise.reject(new Error("cut off")) : first.write(ops)),
    });
    let cut = false;
    const hanging: Migration = {
      name: "hangs",
      run: async (_, lost) => {
        cut = true;
        began.resolve();
        await new Promise<void>((resolve) => lost.addEventListener("abort", () => resolve(), { once: true }));
        await takenOver.promise;
        cut = false;
        throw lost.reason;
      },
    };
    const silent = prepareCatalog(mute, signal, { migrations: [hanging], leaseMs: 300, pollMs: 10 });
    await began.promise;
    const ran: string[] = [];
    const second = await open();
    await prepareCatalog(second, signal, { migrations: [noting("taken over", ran)], leaseMs: 60_000, pollMs: 10 });
    assert.deepEqual(ran, ["taken over"]);
    takenOver.resolve();
    await silent; // finds the work done
    assert.deepEqual(await stored(second), { version: 2 });
  },
);

test("a migration that fails says so, and is run again by the next that starts", OPTIONS, async (t) => {
  const open = await newCatalog(t);
  const failing: Migration = { name: "fails", run: () => Promise.reject(new Error("a slip")) };
  await assert.rejects(prepareCatalog(await open(), signal, { migrations: [failing] }), /a slip/);
  const ran: string[] = [];
  await prepareCatalog(await open(), signal, { migrations: [noting("again", ran)], pollMs: 5 });
  assert.deepEqual(ran, ["again"]);
});

test("whoever waits stops when told to", OPTIONS, async (t) => {
  const open = await newCatalog(t);
  const began = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const long: Migration = {
    name: "long",
    run: () => {
      began.resolve();
      return end.promise;
    },
  };
  const running = prepareCatalog(await open(), signal, { migrations: [long] });
  await began.promise;
  const abort = new AbortController();
  const waiting = prepareCatalog(await open(), abort.signal, { migrations: [long], pollMs: 5 });
  abort.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  end.resolve();
  await running;
});
