import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { withId } from "@heimdex/ports/conformance";
import { FencedTable } from "./fenced-table.ts";
import { LanceMomentIndex } from "./lance-moment-index.ts";
import { momentCount, moments } from "./moments.fixture.ts";
import { native } from "./native.ts";
import type { LanceOptions } from "./options.ts";
import { newWriter } from "./table-schema.ts";

const TENANT = { tenant: "acme" };
type Statement = "replace" | "update" | "empty" | "delete" | "addSpaces" | "dropColumns";

/** Two processes that write one index, each with an adapter of its own. `a` can be stopped between what it read and a statement's commit. */
export function fencing(
  store: string,
  place: (t: TestContext) => Promise<{ location: string; options?: LanceOptions }>,
): void {
  const two = async (t: TestContext) => {
    const { location, options } = await place(t);
    const open = async () => {
      const index = await LanceMomentIndex.open(location, options);
      t.after(() => index[Symbol.asyncDispose]());
      return index;
    };
    const [a, b] = [await open(), await open()];
    /** The next statement of that kind, by whoever makes it, waits until `wake` is called. */
    const freeze = (statement: Statement) => {
      const [frozen, woken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const original = FencedTable.prototype[statement] as (...args: unknown[]) => Promise<unknown>;
      const mocked = t.mock.method(
        FencedTable.prototype,
        statement,
        async function (this: unknown, ...args: unknown[]) {
          mocked.mock.restore();
          frozen.resolve();
          await woken.promise;
          return original.apply(this, args);
        },
      );
      return { frozen: frozen.promise, wake: () => woken.resolve() };
    };
    return { location, options, a, b, open, freeze };
  };
  const found = async (index: LanceMomentIndex, ...assets: string[]) =>
    (await index.searchText("spoken", ["everywhere"], { ...TENANT, assets }, 1000)).map(
      ({ row }) => `${row.id}@${row.revision}`,
    );
  const all = (asset: string, revision: number) =>
    Array.from({ length: momentCount(revision) }, (_, n) => `${asset}/${n}@${revision}`);

  test(`${store}: another finds at once what the writer wrote`, async (t) => {
    const { a: writer, b: reader } = await two(t);
    await Promise.all([writer.stats("acme"), reader.stats("acme")]);
    for (let revision = 1; revision <= 8; revision++) {
      await writer.replaceAssets([moments("x", revision)]);
      if (revision === 5) await writer.optimize();
      assert.deepEqual((await found(reader, "x")).sort(), all("x", revision));
      assert.equal((await reader.revisions("acme", ["x"])).get("x"), revision);
    }
    await writer.clear();
    assert.equal((await reader.stats("acme")).rows, 0);
  });

  for (const [name, before, mine, theirs] of [
    ["adds what another has added meanwhile", [], 4, 4],
    ["adds an older revision than another has", [], 3, 4],
    ["replaces by more than another has", [2], 4, 6],
    ["replaces by less than another has", [4], 6, 9],
  ] as const)
    test(`${store}: a writer woken after another took over, that ${name}, changes nothing`, async (t) => {
      const { a, b, freeze } = await two(t);
      await a.fence();
      for (const revision of before) await a.replaceAssets([moments("x", revision), moments("y", revision)]);
      const stopped = freeze("replace");
      const writing = assert.rejects(a.replaceAssets([moments("x", mine), moments("z", mine)]), withId("INDEX_FENCED"));
      await stopped.frozen;
      assert.equal(await b.fence(), a.writer);
      await b.replaceAssets([moments("x", theirs)]);
      stopped.wake();
      await writing;
      for (const index of [a, b]) {
        assert.deepEqual((await found(index, "x")).sort(), all("x", theirs));
        assert.deepEqual(await found(index, "z"), []);
        assert.equal((await index.stats("acme")).rows, momentCount(theirs) + momentCount(before[0] ?? 0));
      }
      await b.optimize();
      await b.replaceAssets([moments("x", theirs + 5)]);
      assert.deepEqual((await found(b, "x")).sort(), all("x", theirs + 5));
    });

  test(`${store}: nor does one that removes, drops vectors or tidies up`, async (t) => {
    const { a, b, freeze } = await two(t);
    await a.replaceAssets([moments("x", 4), moments("y", 4)]);
    const other = { ...moments("x", 4), tenant: "globex" };
    await a.replaceAssets([{ ...other, rows: other.rows.map((row) => ({ ...row, tenant: "globex" })) }]);
    for (const [statement, doing] of [
      ["delete", () => a.removeAssets("acme", ["x"])],
      ["empty", () => a.dropSpace("acme", "space")],
      ["update", () => a.dropSpace("acme", "space")],
      ["dropColumns", () => a.optimize()],
    ] as const) {
      await a.fence();
      // Nobody has vectors any more: their column goes when it is tidied up.
      if (statement === "dropColumns") await a.removeAssets("globex", ["x"]);
      if (statement === "dropColumns") await a.removeAssets("acme", ["x", "y"]);
      const stopped = freeze(statement);
      const writing = assert.rejects(doing(), withId("INDEX_FENCED"));
      await stopped.frozen;
      await b.fence();
      await b.replaceAssets([moments("x", 4), moments("y", 4)]);
      stopped.wake();
      await writing;
      assert.equal((await b.stats("acme")).rows, 8, statement);
      assert.equal((await b.searchVector("space", Float32Array.of(1, 1, 1), TENANT, 100)).length, 8, statement);
    }
  });

  test(`${store}: what a writer commits while another is fencing it out is kept`, async (t) => {
    const { location, options, a, b, freeze } = await two(t);
    await a.replaceAssets([moments("x", 4)]);
    const stopped = freeze("replace");
    const writing = a.replaceAssets([moments("y", 4)]);
    await stopped.frozen;
    const { lance } = native();
    const connection = await lance.connect(location, { storageOptions: { ...options?.storageOptions } });
    t.after(() => connection.close());
    const [name = ""] = await connection.tableNames();
    let isFirst = true;
    const table = new Proxy(await connection.openTable(name), {
      get: (target, key) => {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          const done: unknown = await value.apply(target, args);
          if (key === "dropColumns" && isFirst) {
            isFirst = false;
            stopped.wake();
            await writing;
          }
          return done;
        };
      },
    });
    assert.equal(await new FencedTable(table, newWriter()).fence(), "", "its second attempt finds nobody left");
    assert.equal(isFirst, false);
    await assert.rejects(a.replaceAssets([moments("y", 6)]), withId("INDEX_FENCED"));
    for (const asset of ["x", "y"]) assert.deepEqual((await found(b, asset)).sort(), all(asset, 4));
  });

  test(`${store}: who was fenced out may fence again, and an index that was emptied has nobody's name`, async (t) => {
    const { a, b, open } = await two(t);
    assert.equal(await a.fence(), "");
    await a.replaceAssets([moments("x", 4)]);
    assert.equal(await a.fence(), a.writer);
    assert.equal(await b.fence(), a.writer);
    for (const refused of [a.optimize(), a.clear(), a.removeAssets("acme", ["x"]), a.dropSpace("acme", "space")])
      await assert.rejects(refused, withId("INDEX_FENCED"));
    assert.deepEqual((await found(a, "x")).sort(), all("x", 4), "it still reads");
    assert.equal(await a.fence(), b.writer);
    await a.replaceAssets([moments("x", 6)]);
    await b.fence();
    const third = await open();
    await third.clear();
    await assert.rejects(b.optimize(), withId("INDEX_FENCED"));
    assert.equal(await b.fence(), third.writer);
  });
}
