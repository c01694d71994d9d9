import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Catalog, type Document, type FindQuery, MAX_DOCUMENT_BYTES, type WriteOp } from "./catalog.ts";
import { CATALOG_LIMITS } from "./catalog-checks.ts";
import { byUtf8, ODD_TEXTS, withId } from "./conformance-tools.ts";

/** An empty catalog of its own for one test. */
export interface CatalogHandle {
  readonly catalog: Catalog;
  /** A second connection to the same data, as another process has it. */
  connect(): Promise<Catalog>;
}

const put = (id: string, terms: readonly string[] = [], sort = "", body: unknown = { id }): WriteOp => ({
  op: "put",
  collection: "jobs",
  id,
  terms,
  sort,
  body,
});
const insert = (id: string, body: unknown = {}): WriteOp => ({ ...put(id, [], "", body), op: "insert" }) as WriteOp;
const replace = (id: string, version: number, body: unknown = {}): WriteOp =>
  ({ ...put(id, [], "", body), op: "replace", version }) as WriteOp;
const remove = (id: string, version?: number): WriteOp => ({
  op: "delete",
  collection: "jobs",
  id,
  ...(version === undefined ? {} : { version }),
});
const ids = (documents: readonly Document[]): string[] => documents.map(({ id }) => id);

/** Follows the pages of a query to their end. */
async function pages(catalog: Catalog, query: FindQuery): Promise<string[]> {
  const found: string[] = [];
  let after = query.after;
  for (;;) {
    const page = await catalog.find(after === undefined ? query : { ...query, after });
    found.push(...ids(page));
    const last = page.at(-1);
    if (page.length < query.limit || last === undefined) return found;
    after = { id: last.id, sort: last.sort };
  }
}

/** One test per promise of the Catalog's interface.
 * @param open gives each test an empty catalog and closes it after the test (`t.after`) */
export function catalogConformance(adapter: string, open: (t: TestContext) => Promise<CatalogHandle>): void {
  describe(`Catalog: ${adapter}`, () => {
    test("a document comes back as it was written", async (t) => {
      const { catalog } = await open(t);
      const body = {
        text: "Grüße 🎬",
        list: [1, 2.5, -3, null, true],
        "dotted.key": { $set: 1 },
        nested: { empty: {} },
      };
      assert.deepEqual(await catalog.write([put("a", ["x:1", "y"], "0001", body)]), [{ ok: true, version: 1 }]);
      const want = { id: "a", version: 1, terms: ["x:1", "y"], sort: "0001", body };
      assert.deepEqual(await catalog.get("jobs", "a"), want);
      assert.deepEqual(await catalog.getMany("jobs", ["a"]), [want]);
      assert.deepEqual(await catalog.find({ collection: "jobs", limit: 10 }), [want]);
    });

    test("any JSON value may be a body", async (t) => {
      const { catalog } = await open(t);
      const bodies = [null, 0, "text", false, [], [[1]], {}, 1e300, Number.MAX_SAFE_INTEGER];
      await catalog.write(bodies.map((body, i) => put(`b${i}`, [], "", body)));
      const found = await catalog.getMany(
        "jobs",
        bodies.map((_, i) => `b${i}`),
      );
      assert.deepEqual(
        found.map((document) => document?.body),
        bodies,
      );
    });

    test("bodies keep every number and every name as it is", async (t) => {
      const { catalog } = await open(t);
      const numbers = [
        2 ** 31,
        -(2 ** 31) - 1,
        2 ** 53 - 1,
        1 - 2 ** 53,
        0.1,
        1e21,
        5e-324,
        Number.MAX_VALUE,
        4e15 + 0.5,
      ];
      const names =
        '{"__proto__":{"a":1},"constructor":2,"$set":3,"a.b":4,"":5,".":6,"_id":7,"$":[[8]],"ключ":9,"id":null}';
      await catalog.write([put("numbers", [], "", numbers), put("names", [], "", JSON.parse(names))]);
      assert.deepEqual((await catalog.get("jobs", "numbers"))?.body, numbers);
      assert.equal(JSON.stringify((await catalog.get("jobs", "names"))?.body), names);
    });

    test("what a caller changes afterwards changes nothing stored", async (t) => {
      const { catalog } = await open(t);
      const body = { state: "READY" };
      const writing = catalog.write([put("a", [], "", body)]);
      body.state = "SPOILT";
      await writing;
      const first = await catalog.get<{ state: string }>("jobs", "a");
      assert.equal(first?.body.state, "READY");
      if (first) first.body.state = "SPOILT";
      assert.equal((await catalog.get<{ state: string }>("jobs", "a"))?.body.state, "READY");
    });

    test("a missing document is undefined", async (t) => {
      const { catalog } = await open(t);
      await catalog.write([put("here")]);
      assert.equal(await catalog.get("jobs", "gone"), undefined);
      const found = await catalog.getMany("jobs", ["gone", "here", "gone", "here"]);
      assert.deepEqual(
        found.map((document) => document?.id),
        [undefined, "here", undefined, "here"],
      );
      assert.deepEqual(await catalog.getMany("jobs", []), []);
    });

    test("insert takes only a free id", async (t) => {
      const { catalog } = await open(t);
      assert.deepEqual(await catalog.write([insert("a", 1)]), [{ ok: true, version: 1 }]);
      assert.deepEqual(await catalog.write([put("a", [], "", 2)]), [{ ok: true, version: 2 }]);
      assert.deepEqual(await catalog.write([insert("a", 3)]), [{ ok: false, version: 2 }]);
      assert.equal((await catalog.get("jobs", "a"))?.body, 2);
    });

    test("replace needs the stored version", async (t) => {
      const { catalog } = await open(t);
      assert.deepEqual(await catalog.write([replace("a", 1)]), [{ ok: false, version: 0 }]);
      assert.deepEqual(await catalog.write([replace("a", 0)]), [{ ok: false, version: 0 }]);
      assert.equal(await catalog.get("jobs", "a"), undefined);
      await catalog.write([insert("a")]);
      assert.deepEqual(await catalog.write([replace("a", 1, "second")]), [{ ok: true, version: 2 }]);
      assert.deepEqual(await catalog.write([replace("a", 1, "late")]), [{ ok: false, version: 2 }]);
      assert.deepEqual(await catalog.write([replace("a", 3, "early")]), [{ ok: false, version: 2 }]);
      assert.equal((await catalog.get("jobs", "a"))?.body, "second");
    });

    test("put writes whatever is stored", async (t) => {
      const { catalog } = await open(t);
      for (const version of [1, 2, 3]) {
        assert.deepEqual(await catalog.write([put("a", [], "", version)]), [{ ok: true, version }]);
        assert.equal((await catalog.get("jobs", "a"))?.body, version);
      }
    });

    test("delete heeds its version, and a missing document is fine without one", async (t) => {
      const { catalog } = await open(t);
      await catalog.write([put("a", ["t"]), put("a", ["t"])]);
      assert.deepEqual(await catalog.write([remove("a", 1)]), [{ ok: false, version: 2 }]);
      assert.deepEqual(await catalog.write([remove("a", 2)]), [{ ok: true, version: 0 }]);
      assert.equal(await catalog.get("jobs", "a"), undefined);
      assert.equal(await catalog.count("jobs", "t"), 0);
      assert.deepEqual(await catalog.write([remove("a")]), [{ ok: true, version: 0 }]);
      assert.deepEqual(await catalog.write([remove("a", 2)]), [{ ok: false, version: 0 }]);
      assert.deepEqual(await catalog.write([insert("a")]), [{ ok: true, version: 1 }]);
      assert.deepEqual(await catalog.write([remove("a")]), [{ ok: true, version: 0 }]);
    });

    test("a batch is applied in order, each operation by itself", async (t) => {
      const { catalog } = await open(t);
      const results = await catalog.write([
        insert("a", 1),
        insert("a", 2),
        replace("b", 1),
        replace("a", 1, 3),
        replace("a", 1, 4),
        put("c"),
        remove("c"),
        insert("c", "again"),
        { ...put("a"), collection: "assets" } as WriteOp,
      ]);
      assert.deepEqual(results, [
        { ok: true, version: 1 },
        { ok: false, version: 1 },
        { ok: false, version: 0 },
        { ok: true, version: 2 },
        { ok: false, version: 2 },
        { ok: true, version: 1 },
        { ok: true, version: 0 },
        { ok: true, version: 1 },
        { ok: true, version: 1 },
      ]);
      assert.equal((await catalog.get("jobs", "a"))?.body, 3);
      assert.equal((await catalog.get("jobs", "c"))?.body, "again");
      assert.deepEqual(await catalog.write([]), []);
    });

    test("collections are apart", async (t) => {
      const { catalog } = await open(t);
      await catalog.write([
        put("a", ["t"], "", "job"),
        { op: "put", collection: "assets", id: "a", terms: ["t"], sort: "", body: "asset" },
      ]);
      assert.equal((await catalog.get("jobs", "a"))?.body, "job");
      assert.equal((await catalog.get("assets", "a"))?.body, "asset");
      assert.equal(await catalog.get("cache", "a"), undefined);
      assert.equal(await catalog.count("assets", "t"), 1);
      await catalog.write([remove("a")]);
      assert.deepEqual(ids(await catalog.find({ collection: "assets", term: "t", limit: 9 })), ["a"]);
    });

    test("of 20 concurrent compare-and-sets exactly one wins, over two connections", async (t) => {
      const { catalog, connect } = await open(t);
      const other = await connect();
      await catalog.write([insert("a", { round: 0 })]);
      for (let round = 1; round <= 5; round++) {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, async (_, i) => {
            const [result] = await (i % 2 ? catalog : other).write([replace("a", round, { round, by: i })]);
            assert.ok(result);
            return { by: i, ...result };
          }),
        );
        const winners = outcomes.filter(({ ok }) => ok);
        assert.equal(winners.length, 1);
        assert.deepEqual(
          outcomes.map(({ version }) => version),
          outcomes.map(() => round + 1),
        );
        assert.deepEqual((await catalog.get("jobs", "a"))?.body, { round, by: winners[0]?.by });
      }
    });

    test("of 20 concurrent inserts of one id exactly one wins", async (t) => {
      const { catalog, connect } = await open(t);
      const other = await connect();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? catalog : other).write([insert("a", i)])),
      );
      assert.equal(outcomes.filter(([result]) => result?.ok).length, 1);
      assert.deepEqual(
        outcomes.flat().map(({ version }) => version),
        outcomes.map(() => 1),
      );
    });

    test("a finished write is seen by every connection, document and terms as one", async (t) => {
      const { catalog, connect } = await open(t);
      const other = await connect();
      for (let i = 1; i <= 20; i++) {
        await catalog.write([put("a", [`turn:${i}`], String(i), i)]);
        assert.equal((await catalog.get("jobs", "a"))?.body, i);
        assert.equal((await other.get("jobs", "a"))?.body, i);
        assert.equal(await other.count("jobs", `turn:${i}`), 1);
        assert.equal(await other.count("jobs", `turn:${i - 1}`), 0);
      }
    });

    test("readers see whole documents while they change", async (t) => {
      const { catalog, connect } = await open(t);
      const other = await connect();
      const filler = (n: number) => ({ n, text: String(n).repeat(2000), again: n });
      await catalog.write([put("a", [], "", filler(0))]);
      let writing = true;
      const writer = (async () => {
        for (let n = 1; n <= 50; n++) await catalog.write([put("a", [], "", filler(n))]);
        writing = false;
      })();
      let seen = -1;
      while (writing) {
        const document = await other.get<{ n: number; text: string; again: number }>("jobs", "a");
        assert.ok(document);
        assert.deepEqual(document.body, filler(document.body.n));
        assert.equal(document.version, document.body.n + 1);
        assert.ok(document.body.n >= seen, "time goes forward");
        seen = document.body.n;
      }
      await writer;
    });

    test("what was acknowledged is there after closing and opening again", async (t) => {
      const { catalog, connect } = await open(t);
      await catalog.write([put("a", ["t"], "s", "kept"), put("b")]);
      await catalog.write([remove("b")]);
      await catalog[Symbol.asyncDispose]();
      const again = await connect();
      assert.deepEqual(await again.get("jobs", "a"), { id: "a", version: 1, terms: ["t"], sort: "s", body: "kept" });
      assert.equal(await again.get("jobs", "b"), undefined);
      assert.deepEqual(await again.write([replace("a", 1)]), [{ ok: true, version: 2 }]);
    });

    test("terms find exactly what carries them", async (t) => {
      const { catalog } = await open(t);
      await catalog.write([
        put("a", ["ready:media.probe", "asset:a_1"]),
        put("b", ["ready:media.probe", "ready:asr.transcribe", "asset:a_12"]),
        put("c", []),
        put("d", ["twice", "twice"]),
      ]);
      const found = async (term: string) => ids(await catalog.find({ collection: "jobs", term, limit: 10 }));
      assert.deepEqual(await found("ready:media.probe"), ["a", "b"]);
      assert.deepEqual(await found("ready:asr.transcribe"), ["b"]);
      assert.deepEqual(await found("asset:a_1"), ["a"]);
      assert.deepEqual(await found("asset:a_"), []);
      assert.deepEqual(await found("READY:media.probe"), []);
      assert.deepEqual(await found("twice"), ["d"]);
      assert.equal(await catalog.count("jobs", "ready:media.probe"), 2);
      assert.equal(await catalog.count("jobs", "twice"), 1);
      assert.equal(await catalog.count("jobs", "none"), 0);
      assert.equal(await catalog.count("jobs"), 4);
      assert.equal(await catalog.count("assets"), 0);
    });

    test("terms and sort keys follow each write", async (t) => {
      const { catalog } = await open(t);
      const sorted = (term: string) => catalog.find({ collection: "jobs", term, by: "sort", limit: 10 });
      await catalog.write([put("a", ["x", "y"], "1"), put("b", ["x"], "2")]);
      await catalog.write([put("a", ["y", "z"], "1")]);
      assert.deepEqual(ids(await sorted("x")), ["b"]);
      assert.deepEqual(ids(await sorted("y")), ["a"]);
      assert.deepEqual(ids(await sorted("z")), ["a"]);
      await catalog.write([put("a", ["x", "z"], "3")]);
      assert.deepEqual(ids(await sorted("x")), ["b", "a"]);
      assert.deepEqual(
        (await sorted("z")).map(({ id, sort, terms }) => ({ id, sort, terms })),
        [{ id: "a", sort: "3", terms: ["x", "z"] }],
      );
      await catalog.write([put("a", [], "3")]);
      assert.deepEqual(ids(await sorted("z")), []);
      assert.equal(await catalog.count("jobs", "x"), 1);
    });

    test("a document may carry as many and as long terms as allowed", async (t) => {
      const { catalog } = await open(t);
      const terms = Array.from({ length: CATALOG_LIMITS.terms }, (_, i) => `${i}:`.padEnd(CATALOG_LIMITS.term, "語"));
      const sort = "ß".repeat(CATALOG_LIMITS.sort);
      const id = "日".repeat(CATALOG_LIMITS.id);
      await catalog.write([put(id, terms, sort)]);
      for (const term of [terms[0], terms[255]] as string[])
        assert.deepEqual(ids(await catalog.find({ collection: "jobs", term, by: "sort", limit: 2 })), [id]);
      assert.deepEqual((await catalog.get("jobs", id))?.terms, terms);
    });

    test("find orders and pages by id and by sort, both ways, with a term and without", async (t) => {
      const { catalog } = await open(t);
      const rows = Array.from({ length: 53 }, (_, i) => ({
        id: `j${(i * 37) % 53}`,
        sort: ["", "b", "a", "ab", "é", "z", "\uffee", "🎬"][i % 8] as string,
        terms: i % 3 ? ["some", "other"] : ["other"],
      }));
      await catalog.write(rows.map(({ id, sort, terms }) => put(id, terms, sort)));
      for (const term of [undefined, "some", "other"]) {
        const carrying = rows.filter(({ terms }) => term === undefined || terms.includes(term));
        for (const by of ["id", "sort"] as const) {
          for (const descending of [false, true]) {
            const want = carrying
              .toSorted((a, b) => (by === "sort" ? byUtf8(a.sort, b.sort) : 0) || byUtf8(a.id, b.id))
              .map(({ id }) => id);
            if (descending) want.reverse();
            for (const limit of [1, 7, 1000]) {
              const query = {
                collection: "jobs",
                by,
                descending,
                limit,
                ...(term === undefined ? {} : { term }),
              } as const;
              assert.deepEqual(await pages(catalog, query), want, JSON.stringify(query));
            }
          }
        }
      }
      assert.deepEqual(ids(await catalog.find({ collection: "jobs", limit: 2 })), ["j0", "j1"]);
    });

    test("paging continues behind a document that is gone, and behind keys nobody has", async (t) => {
      const { catalog } = await open(t);
      await catalog.write(["a", "b", "c", "d"].map((id) => put(id, ["t"], id)));
      await catalog.write([remove("b")]);
      const find = async (query: Partial<FindQuery>) =>
        ids(await catalog.find({ collection: "jobs", limit: 9, ...query }));
      assert.deepEqual(await find({ after: { id: "b" } }), ["c", "d"]);
      assert.deepEqual(await find({ by: "sort", term: "t", after: { id: "b", sort: "b" } }), ["c", "d"]);
      assert.deepEqual(await find({ by: "sort", after: { id: "zz", sort: "b" } }), ["c", "d"]);
      assert.deepEqual(await find({ by: "sort", after: { id: "A", sort: "c" } }), ["c", "d"]);
      assert.deepEqual(await find({ by: "sort", descending: true, after: { id: "b", sort: "b" } }), ["a"]);
      assert.deepEqual(await find({ term: "t", descending: true, after: { id: "b" } }), ["a"]);
      assert.deepEqual(await find({ after: { id: "d" } }), []);
    });

    test("odd texts are good ids, terms and sort keys", async (t) => {
      const { catalog } = await open(t);
      await catalog.write(ODD_TEXTS.map((text) => put(text, [text, `t:${text}`], text, { text })));
      for (const text of ODD_TEXTS) {
        const want = { id: text, version: 1, terms: [text, `t:${text}`], sort: text, body: { text } };
        assert.deepEqual(await catalog.get("jobs", text), want);
        assert.deepEqual(await catalog.find({ collection: "jobs", term: text, limit: 9 }), [want]);
      }
      assert.deepEqual(
        await catalog.getMany("jobs", ODD_TEXTS),
        await Promise.all(ODD_TEXTS.map((id) => catalog.get("jobs", id))),
      );
      const ordered = ODD_TEXTS.toSorted(byUtf8);
      assert.deepEqual(await pages(catalog, { collection: "jobs", limit: 3 }), ordered);
      assert.deepEqual(await pages(catalog, { collection: "jobs", by: "sort", limit: 3 }), ordered);
      for (const text of ODD_TEXTS)
        assert.deepEqual(await catalog.write([remove(text, 1)]), [{ ok: true, version: 0 }]);
      assert.equal(await catalog.count("jobs"), 0);
    });

    test("a document too large is refused by name, and its batch with it", async (t) => {
      const { catalog } = await open(t);
      const fits = "x".repeat(MAX_DOCUMENT_BYTES - 2);
      const wide = "ü".repeat(MAX_DOCUMENT_BYTES / 2 - 1);
      await catalog.write([put("fits", [], "", fits), put("wide", [], "", wide)]);
      assert.equal((await catalog.get("jobs", "fits"))?.body, fits);
      assert.equal((await catalog.get("jobs", "wide"))?.body, wide);
      for (const body of [`${fits}x`, `${wide}ü`]) {
        await assert.rejects(
          catalog.write([put("before"), put("giant", [], "", body), put("after")]),
          (error: Error) => {
            withId("CATALOG_DOCUMENT_TOO_LARGE")(error);
            assert.match(error.message, /giant/);
            return true;
          },
        );
      }
      assert.deepEqual(await catalog.getMany("jobs", ["before", "giant", "after"]), [undefined, undefined, undefined]);
    });

    test("calls out of their bounds are refused, and nothing is written", async (t) => {
      const { catalog } = await open(t);
      const refused = (call: Promise<unknown>) => assert.rejects(call, withId("CATALOG_QUERY_INVALID"));
      const find = (query: object) => catalog.find({ collection: "jobs", limit: 1, ...query } as FindQuery);
      const many = Array.from({ length: 1001 }, (_, i) => `j${i}`);
      for (const limit of [0, -1, 1.5, 1001, Number.NaN]) await refused(find({ limit }));
      await refused(find({ by: "body" }));
      await refused(find({ by: "sort", after: { id: "a" } }));
      await refused(find({ collection: "nope" }));
      await refused(catalog.get("nope" as "jobs", "a"));
      await refused(catalog.count("nope" as "jobs"));
      await refused(catalog.getMany("jobs", many));
      await refused(catalog.write(many.map((id) => put(id))));
      const loop: Record<string, unknown> = {};
      loop.self = loop;
      for (const op of [
        put(""),
        put("x".repeat(CATALOG_LIMITS.id + 1)),
        put("half \ud800"),
        put("nul \0"),
        put("a", ["half \udc00"]),
        put("a", ["x".repeat(CATALOG_LIMITS.term + 1)]),
        put("a", Array.from({ length: CATALOG_LIMITS.terms + 1 }, String)),
        put("a", [], "x".repeat(CATALOG_LIMITS.sort + 1)),
        { ...put("a"), body: undefined },
        { ...put("a"), body: loop },
        { ...put("a"), body: 1n },
        replace("a", 1.5),
        { ...put("a"), op: "upsert" },
        { ...put("a"), collection: "nope" },
      ])
        await refused(catalog.write([put("before"), op as WriteOp]));
      assert.equal(await catalog.count("jobs"), 0);
    });

    test("a full batch and a full page go through", async (t) => {
      const { catalog } = await open(t);
      const many = Array.from({ length: 1000 }, (_, i) => `j${String(i).padStart(4, "0")}`);
      const results = await catalog.write(many.map((id) => put(id, ["t"], id)));
      assert.ok(results.length === 1000 && results.every(({ ok, version }) => ok && version === 1));
      assert.deepEqual(ids(await catalog.find({ collection: "jobs", term: "t", by: "sort", limit: 1000 })), many);
      assert.equal((await catalog.getMany("jobs", many)).filter(Boolean).length, 1000);
      assert.equal(await catalog.count("jobs", "t"), 1000);
    });

    test("writes counts what was applied", async (t) => {
      const { catalog } = await open(t);
      assert.equal(catalog.writes, 0);
      await catalog.write([insert("a"), insert("a"), put("b")]);
      await catalog.write([replace("a", 1), replace("a", 1), remove("b")]);
      assert.equal(catalog.writes, 4);
    });

    test("closing finishes what was accepted; twice is fine; later calls reject", async (t) => {
      const { catalog, connect } = await open(t);
      const other = await connect();
      const accepted = Array.from({ length: 50 }, (_, i) => catalog.write([put(`j${i}`)]));
      const closing = catalog[Symbol.asyncDispose]();
      const closed = withId("CATALOG_CLOSED");
      await assert.rejects(catalog.write([put("late")]), closed);
      assert.deepEqual(
        (await Promise.all(accepted)).flat(),
        accepted.map(() => ({ ok: true, version: 1 })),
      );
      await closing;
      await catalog[Symbol.asyncDispose]();
      await assert.rejects(catalog.write([]), closed);
      await assert.rejects(catalog.get("jobs", "j0"), closed);
      await assert.rejects(catalog.getMany("jobs", ["j0"]), closed);
      await assert.rejects(catalog.find({ collection: "jobs", limit: 1 }), closed);
      await assert.rejects(catalog.count("jobs"), closed);
      assert.equal(await other.count("jobs"), 50);
    });
  });
}
