import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { byUtf8, ODD_TEXTS, withId } from "./conformance-tools.ts";
import {
  type AssetRows,
  type FieldFilter,
  type MomentFilter,
  type MomentIndex,
  type MomentRow,
  type Scored,
  TEXT_FIELDS,
} from "./moment-index.ts";

/** An empty index of its own for one test. */
export interface MomentIndexHandle {
  readonly index: MomentIndex;
  /** Closes the index opened last and opens its data again, as a process that starts does. */
  reopen(): Promise<MomentIndex>;
}

/** How the suite's texts become words: split at spaces and line ends, unchanged. The index under test is to be opened with it. */
export type ConformanceAnalyze = (text: string) => string[];
const analyze: ConformanceAnalyze = (text) => text.split(/[ \n]/).filter((word) => word !== "");

const ALL: MomentFilter = { tenant: "acme" };

function row(asset: string, id: string, more: Partial<MomentRow> = {}): MomentRow {
  return {
    id,
    tenant: "acme",
    asset,
    revision: 1,
    start_ms: 0,
    end_ms: 1000,
    spoken: "",
    written: "",
    described: "",
    names: "",
    custom: "",
    facets: new Map(),
    numbers: new Map(),
    labels: [],
    languages: [],
    title: "",
    source: "",
    recorded_ms: undefined,
    instants: "",
    vectors: new Map(),
    ...more,
  };
}

/** One asset of the first row's name, all rows at the given revision. */
function asset(name: string, rows: readonly MomentRow[], revision = 1, tenant = "acme"): AssetRows {
  return { tenant, asset: name, revision, rows: rows.map((each) => ({ ...each, tenant, asset: name, revision })) };
}

/** An asset with one moment for each text. */
function spoken(name: string, texts: readonly string[], revision = 1): AssetRows {
  return asset(
    name,
    texts.map((text, i) => row(name, `${name}-${i}`, { spoken: text, start_ms: i * 1000, end_ms: (i + 1) * 1000 })),
    revision,
  );
}

function vector(...values: number[]): Float32Array {
  const norm = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / norm);
}

const NO_TERMS = { spoken: "", written: "", described: "", names: "", custom: "", labels: "" };
const ids = (hits: readonly Scored[]): string[] => hits.map((hit) => hit.row.id);
const sortedIds = (hits: readonly Scored[]): string[] => ids(hits).sort(byUtf8);
const near = (got: number | undefined, want: number): void =>
  assert.ok(got !== undefined && Math.abs(got - want) < 1e-4, `${got} is not about ${want}`);

/** One test per promise of the MomentIndex's interface.
 * @param open gives each test an empty index, made with `analyze`, and closes what is still open after the test (`t.after`) */
export function momentIndexConformance(
  adapter: string,
  open: (t: TestContext, analyze: ConformanceAnalyze) => Promise<MomentIndexHandle>,
): void {
  describe(`MomentIndex: ${adapter}`, () => {
    test("a row comes back as it was given, without its vectors", async (t) => {
      const { index } = await open(t, analyze);
      const full = row("a", "m1", {
        start_ms: 1500,
        end_ms: 4_294_967_295,
        spoken: "find me",
        written: 'it\'s "quoted" \\ 100%',
        described: "Grüße 🎬\nsecond line",
        names: "名前",
        custom: "x",
        labels: ["boat", "", "sea gull"],
        languages: ["en-US", "zh-Hant-TW"],
        title: "Reel 1.mov",
        source: "file:///films/Reel%201.mov",
        recorded_ms: 1_700_000_000_123,
        instants: '{"spoken":[[1500,20]]} é',
        facets: new Map([["org.example.a light", ["day", 'n"ight', ""]]]),
        numbers: new Map([
          ["org.example.a lufs", [-23.1, 1e-300, 0]],
          ["é\n", [Number.MAX_VALUE]],
        ]),
        vectors: new Map([["s", [vector(1, 2)]]]),
      });
      const bare = row("a", "m2", { spoken: "find" });
      await index.replaceAssets([asset("a", [full, bare])]);
      const { vectors: _, ...texts } = full;
      const wantFull = {
        ...texts,
        terms: {
          spoken: "find me",
          written: 'it\'s "quoted" \\ 100%',
          described: "Grüße 🎬 second line",
          names: "名前",
          custom: "x",
          labels: "boat sea gull",
        },
      };
      const { vectors: __, ...empty } = bare;
      const wantBare = { ...empty, terms: { ...NO_TERMS, spoken: "find" } };
      const hits = await index.searchText("spoken", ["me"], ALL, 10);
      assert.deepEqual(
        hits.map((hit) => hit.row),
        [wantFull],
      );
      const both = await index.searchText("spoken", ["find"], ALL, 10);
      assert.deepEqual(
        both.map((hit) => hit.row).sort((a, b) => byUtf8(a.id, b.id)),
        [wantFull, wantBare],
      );
      const [nearest] = await index.searchVector("s", vector(1, 2), ALL, 10);
      assert.deepEqual(nearest?.row, wantFull);
    });

    test("rows can be found as soon as replaceAssets resolves, after reopening, and after optimize", async (t) => {
      const handle = await open(t, analyze);
      let { index } = handle;
      for (let i = 0; i < 4; i++) {
        const v = new Map([["s", [vector(1, i)]]]);
        await index.replaceAssets([asset(`a${i}`, [row(`a${i}`, `m${i}`, { spoken: `common word${i}`, vectors: v })])]);
        assert.deepEqual(ids(await index.searchText("spoken", [`word${i}`], ALL, 10)), [`m${i}`]);
        assert.equal((await index.searchText("spoken", ["common"], ALL, 10)).length, i + 1);
        assert.equal((await index.searchVector("s", vector(1, 0), ALL, 10)).length, i + 1);
        if (i === 1) await index.optimize();
        if (i === 2) index = await handle.reopen();
      }
      assert.equal((await index.searchText("spoken", ["common"], ALL, 10)).length, 4);
    });

    test("replacing an asset removes its former rows, and no other asset's", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([spoken("a", ["red", "green", "blue"]), spoken("b", ["red"])]);
      await index.replaceAssets([spoken("a", ["green yellow"], 2)]);
      assert.deepEqual(ids(await index.searchText("spoken", ["red"], ALL, 10)), ["b-0"]);
      assert.deepEqual(ids(await index.searchText("spoken", ["blue"], ALL, 10)), []);
      assert.deepEqual(ids(await index.searchText("spoken", ["green"], ALL, 10)), ["a-0"]);
      assert.deepEqual(ids(await index.searchText("spoken", ["yellow"], ALL, 10)), ["a-0"]);
    });

    test("an asset without rows leaves none, and its revision is remembered", async (t) => {
      const handle = await open(t, analyze);
      await handle.index.replaceAssets([spoken("a", ["red"]), spoken("b", ["red"])]);
      await handle.index.replaceAssets([asset("a", [], 5)]);
      const index = await handle.reopen();
      assert.deepEqual(ids(await index.searchText("spoken", ["red"], ALL, 10)), ["b-0"]);
      assert.deepEqual(
        await index.revisions("acme", ["a", "b", "c"]),
        new Map([
          ["a", 5],
          ["b", 1],
          ["c", 0],
        ]),
      );
      await index.replaceAssets([spoken("a", ["red"], 4)]);
      assert.deepEqual(ids(await index.searchText("spoken", ["red"], ALL, 10)), ["b-0"]);
    });

    test("an older revision changes nothing; the same again is fine", async (t) => {
      const handle = await open(t, analyze);
      await handle.index.replaceAssets([spoken("a", ["old"], 3)]);
      await handle.index.replaceAssets([spoken("a", ["new"], 4)]);
      await handle.index.replaceAssets([spoken("a", ["older", "older"], 2), spoken("b", ["other"], 1)]);
      await handle.index.replaceAssets([spoken("a", ["new"], 4)]);
      const index = await handle.reopen();
      await index.replaceAssets([spoken("a", ["old"], 3)]);
      assert.deepEqual(ids(await index.searchText("spoken", ["old", "older"], ALL, 10)), []);
      assert.deepEqual(ids(await index.searchText("spoken", ["new"], ALL, 10)), ["a-0"]);
      assert.deepEqual(ids(await index.searchText("spoken", ["other"], ALL, 10)), ["b-0"]);
      assert.equal((await index.stats("acme")).rows, 2);
      assert.equal((await index.revisions("acme", ["a"])).get("a"), 4);
    });

    test("an asset given twice in a batch ends at its newest revision", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([spoken("a", ["one"], 1), spoken("a", ["three"], 3), spoken("a", ["two"], 2)]);
      assert.deepEqual(ids(await index.searchText("spoken", ["one", "two", "three"], ALL, 10)), ["a-0"]);
      assert.deepEqual(ids(await index.searchText("spoken", ["three"], ALL, 10)), ["a-0"]);
    });

    test("a removed asset is forgotten: no rows, no revision, and it may start anew", async (t) => {
      const handle = await open(t, analyze);
      let { index } = handle;
      const odd = "it's, \"b\\";
      await index.replaceAssets([spoken("a", ["red"], 7), spoken(odd, ["red"], 7), spoken("c", ["red"])]);
      await index.replaceAssets([asset("a", [row("a", "m", { spoken: "red" })], 7, "other")]);
      await index.removeAssets("acme", ["a", odd, "never there"]);
      await index.removeAssets("acme", ["a"]);
      await index.removeAssets("acme", []);
      for (let reopened = 0; reopened < 2; reopened++) {
        assert.deepEqual(ids(await index.searchText("spoken", ["red"], ALL, 10)), ["c-0"]);
        assert.deepEqual([...(await index.revisions("acme", ["a", odd, "c"])).values()], [0, 0, 1]);
        const { rows, assets } = await index.stats("acme");
        assert.deepEqual({ rows, assets }, { rows: 1, assets: 1 });
        assert.equal((await index.documentFrequencies("spoken", ["red"], "acme")).get("red"), 1);
        assert.equal((await index.stats("other")).rows, 1);
        index = await handle.reopen();
      }
      await index.replaceAssets([spoken("a", ["green"], 1)]);
      assert.deepEqual(ids(await index.searchText("spoken", ["green"], ALL, 10)), ["a-0"]);
    });

    test("an empty batch is fine", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([]);
      assert.equal((await index.stats("acme")).rows, 0);
    });

    test("readers see an asset's old rows or its new ones, never a mix", async (t) => {
      const { index } = await open(t, analyze);
      const revision = (n: number) =>
        asset(
          "a",
          Array.from({ length: 2 + (n % 3) }, (_, i) =>
            row("a", `a-${i}`, {
              spoken: "word",
              custom: String(2 + (n % 3)),
              vectors: new Map([["s", [vector(1, i)]]]),
            }),
          ),
          n,
        );
      await index.replaceAssets([revision(1)]);
      let writing = true;
      const writer = (async () => {
        for (let n = 2; n <= 12; n++) {
          await index.replaceAssets([revision(n)]);
          if (n === 6) await index.optimize();
        }
      })().finally(() => {
        writing = false;
      });
      while (writing) {
        for (const hits of await Promise.all([
          index.searchText("spoken", ["word"], ALL, 10),
          index.searchVector("s", vector(1, 1), ALL, 10),
        ])) {
          assert.equal(new Set(hits.map((hit) => hit.row.revision)).size, 1);
          assert.equal(hits.length, Number(hits[0]?.row.custom));
        }
      }
      await writer;
      assert.equal((await index.searchText("spoken", ["word"], ALL, 10))[0]?.row.revision, 12);
    });

    test("calls at once are each done", async (t) => {
      const { index } = await open(t, analyze);
      await Promise.all(Array.from({ length: 8 }, (_, i) => index.replaceAssets([spoken(`a${i}`, ["word"])])));
      assert.equal((await index.searchText("spoken", ["word"], ALL, 100)).length, 8);
    });

    test("a row matches when it has any of the terms", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([spoken("a", ["red", "green", "red green", "blue", ""])]);
      assert.deepEqual(sortedIds(await index.searchText("spoken", ["red", "green"], ALL, 10)), ["a-0", "a-1", "a-2"]);
      assert.deepEqual(ids(await index.searchText("spoken", ["white"], ALL, 10)), []);
      assert.deepEqual(ids(await index.searchText("spoken", ["re"], ALL, 10)), []);
      assert.deepEqual(ids(await index.searchText("spoken", [], ALL, 10)), []);
    });

    test("text scores are BM25: rare terms, more of them and shorter texts count more", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([
        spoken("a", ["rare x x x", "common x x x", "common y y y", "common z z z", "common common z z"]),
        spoken("b", ["common", "q", "rare common z z"]),
      ]);
      const hits = await index.searchText("spoken", ["rare", "common"], ALL, 10);
      const score = new Map(hits.map((hit) => [hit.row.id, hit.score]));
      const above = (better: string, worse: string) =>
        assert.ok((score.get(better) ?? 0) > (score.get(worse) ?? 0), `${better} is not above ${worse}`);
      assert.equal(hits.length, 7);
      assert.equal(hits[0]?.row.id, "b-2");
      above("a-0", "a-1");
      above("a-4", "a-3");
      above("b-0", "a-1");
      assert.ok(hits.every((hit) => hit.score > 0));
      assert.deepEqual(
        hits.map((hit) => hit.score),
        hits.map((hit) => hit.score).sort((a, b) => b - a),
      );
    });

    test("labels count as often as they stand, however many others there are", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([
        asset("a", [
          row("a", "short", { labels: ["boat", "boat"] }),
          row("a", "long", { labels: ["boat", "boat", "boat", "gull", "gull", "gull", "person", "pier", "crane"] }),
          row("a", "same", { labels: ["boat", "boat", "gull"] }),
        ]),
      ]);
      const hits = await index.searchText("labels", ["boat"], ALL, 10);
      assert.equal(hits[0]?.row.id, "long");
      assert.deepEqual(sortedIds(hits), ["long", "same", "short"]);
      assert.equal(hits[1]?.score, hits[2]?.score);
    });

    test("a score depends neither on filters, nor on other tenants, nor on housekeeping", async (t) => {
      const handle = await open(t, analyze);
      let { index } = handle;
      const find = async (filter: MomentFilter) =>
        (await index.searchText("spoken", ["fox", "dog"], filter, 10)).find((hit) => hit.row.id === "c-1")?.score;
      await index.replaceAssets([spoken("a", ["the fox", "the hen", "fox fox"]), spoken("b", ["dog", "cat", "cow"])]);
      await index.optimize();
      await index.replaceAssets([spoken("b", ["dog"], 2), spoken("c", ["hen", "a fox and a dog", "mouse"])]);
      const score = (await find(ALL)) ?? 0;
      assert.ok(score > 0);
      near(await find({ ...ALL, assets: ["c"] }), score);
      near(await find({ ...ALL, from_ms: 1000, to_ms: 1500 }), score);
      await index.replaceAssets([
        asset("x", [row("x", "x1", { spoken: "fox" }), row("x", "x2", { spoken: "fox" })], 1, "other"),
      ]);
      near(await find(ALL), score);
      await index.optimize();
      near(await find(ALL), score);
      index = await handle.reopen();
      near(await find(ALL), score);
    });

    test("text fields are apart", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([
        asset(
          "a",
          TEXT_FIELDS.map((field) => row("a", field, { [field]: field === "labels" ? ["word"] : "word" })),
        ),
      ]);
      for (const field of TEXT_FIELDS) assert.deepEqual(ids(await index.searchText(field, ["word"], ALL, 10)), [field]);
    });

    test("terms are words, never a query's syntax", async (t) => {
      const { index } = await open(t, analyze);
      const words = [
        "c++",
        "+must",
        "-not",
        "AND",
        "OR",
        "a:b",
        '"quoted"',
        "(paren",
        "it's",
        "100%",
        "wild*",
        "\\",
        "^2",
        "~1",
        "日本語",
        "🎬",
        "ǅ",
        "x'--",
        "w".repeat(300),
      ];
      await index.replaceAssets([spoken("a", words), spoken("b", ["must not quoted paren wild"])]);
      for (const [i, word] of words.entries())
        assert.deepEqual(ids(await index.searchText("spoken", [word], ALL, 10)), [`a-${i}`], word);
      assert.equal((await index.searchText("spoken", words, ALL, 100)).length, words.length);
    });

    test("limit takes the best", async (t) => {
      const { index } = await open(t, analyze);
      const texts = Array.from({ length: 12 }, (_, i) => `${"word ".repeat(i + 1)}${"other ".repeat(11 - i)}`);
      const rows = spoken("a", texts).rows.map((each, i) => ({ ...each, vectors: new Map([["s", [vector(1, i)]]]) }));
      await index.replaceAssets([asset("a", rows)]);
      assert.deepEqual(ids(await index.searchText("spoken", ["word"], ALL, 3)), ["a-11", "a-10", "a-9"]);
      assert.deepEqual(ids(await index.searchVector("s", vector(1, 0), ALL, 3)), ["a-0", "a-1", "a-2"]);
      assert.deepEqual(await index.searchText("spoken", ["word"], ALL, 0), []);
      assert.deepEqual(await index.searchVector("s", vector(1, 0), ALL, 0), []);
    });

    test("tenants never see each other's rows, even of the same ids", async (t) => {
      const { index } = await open(t, analyze);
      const mine = row("a", "m1", { spoken: "secret", vectors: new Map([["s", [vector(1, 1)]]]) });
      await index.replaceAssets([asset("a", [mine])]);
      await index.replaceAssets([asset("a", [{ ...mine, title: "theirs" }], 7, "other")]);
      for (const [tenant, title] of [
        ["acme", ""],
        ["other", "theirs"],
      ] as const) {
        for (const hits of [
          await index.searchText("spoken", ["secret"], { tenant }, 10),
          await index.searchVector("s", vector(1, 1), { tenant }, 10),
        ])
          assert.deepEqual(
            hits.map((hit) => [hit.row.tenant, hit.row.title]),
            [[tenant, title]],
          );
        assert.equal((await index.documentFrequencies("spoken", ["secret"], tenant)).get("secret"), 1);
        assert.equal((await index.stats(tenant)).rows, 1);
      }
      await index.replaceAssets([asset("a", [], 8, "other")]);
      assert.equal((await index.searchText("spoken", ["secret"], ALL, 10)).length, 1);
      assert.deepEqual(await index.searchText("spoken", ["secret"], { tenant: "nobody" }, 10), []);
      assert.equal((await index.revisions("nobody", ["a"])).get("a"), 0);
    });

    test("filters hold before the limit counts", async (t) => {
      const { index } = await open(t, analyze);
      const v = (x: number) => new Map([["s", [vector(1, x)]]]);
      const many = Array.from({ length: 30 }, (_, i) => row("a", `a-${i}`, { spoken: "word word", vectors: v(0) }));
      await index.replaceAssets([
        asset("a", many),
        asset("b", [row("b", "b-0", { spoken: "word x y", vectors: v(9) })]),
      ]);
      const only = { ...ALL, assets: ["b"] };
      assert.deepEqual(ids(await index.searchText("spoken", ["word"], only, 1)), ["b-0"]);
      assert.deepEqual(ids(await index.searchVector("s", vector(1, 0), only, 1)), ["b-0"]);
      assert.deepEqual(ids(await index.searchText("spoken", ["word"], { ...ALL, assets: [] }, 10)), []);
      assert.deepEqual(ids(await index.searchText("spoken", ["word"], { ...ALL, assets: ["nope"] }, 10)), []);
    });

    for (const [name, from_ms, to_ms, want] of [
      ["all", undefined, undefined, ["a-0", "a-1", "a-2"]],
      ["from the end of one on", 1000, undefined, ["a-1", "a-2"]],
      ["from within one on", 999, undefined, ["a-0", "a-1", "a-2"]],
      ["up to the start of one", undefined, 2000, ["a-0", "a-1"]],
      ["up to just after a start", undefined, 2001, ["a-0", "a-1", "a-2"]],
      ["within one", 1400, 1500, ["a-1"]],
      ["after all", 3000, 9000, []],
    ] as const)
      test(`moments that overlap a time: ${name}`, async (t) => {
        const { index } = await open(t, analyze);
        await index.replaceAssets([spoken("a", ["word", "word", "word"])]);
        const filter = {
          ...ALL,
          ...(from_ms === undefined ? {} : { from_ms }),
          ...(to_ms === undefined ? {} : { to_ms }),
        };
        assert.deepEqual(sortedIds(await index.searchText("spoken", ["word"], filter, 10)), want);
      });

    test("any of the languages; a language includes its regions and scripts", async (t) => {
      const { index } = await open(t, analyze);
      const tags = [["en"], ["en-US"], ["en-GB", "de"], ["zh-Hant-TW"], ["eng"], []];
      await index.replaceAssets([
        asset(
          "a",
          tags.map((languages, i) => row("a", `m${i}`, { spoken: "word", languages })),
        ),
      ]);
      for (const [languages, want] of [
        [["en"], ["m0", "m1", "m2"]],
        [["EN-us"], ["m1"]],
        [
          ["de", "zh-Hant"],
          ["m2", "m3"],
        ],
        [["zh-Hans"], []],
        [["e"], []],
        [["x' OR 1=1 --"], []],
        [[], []],
      ] as const)
        assert.deepEqual(
          sortedIds(await index.searchText("spoken", ["word"], { ...ALL, languages }, 10)),
          want,
          languages.join(),
        );
    });

    test("any of the labels, by their words", async (t) => {
      const { index } = await open(t, analyze);
      const labels = [["boat", "sea gull"], ["boat", "boat"], ["gull"], ["it's", "x' OR 1=1 --"], ["", " "], []];
      await index.replaceAssets([
        asset(
          "a",
          labels.map((its, i) =>
            row("a", `m${i}`, { spoken: "word", labels: its, vectors: new Map([["s", [vector(1, i)]]]) }),
          ),
        ),
      ]);
      for (const [wanted, want] of [
        [["boat"], ["m0", "m1"]],
        [["sea  gull"], ["m0"]],
        [
          ["gull", "it's"],
          ["m2", "m3"],
        ],
        [["x' OR 1=1 --"], ["m3"]],
        [["sea"], []],
        [[], []],
      ] as const) {
        const filter = { ...ALL, labels: wanted };
        assert.deepEqual(sortedIds(await index.searchText("spoken", ["word"], filter, 10)), want, wanted.join());
        assert.deepEqual(sortedIds(await index.searchVector("s", vector(1, 1), filter, 10)), want, wanted.join());
      }
    });

    const found = async (index: MomentIndex, ...fields: readonly FieldFilter[]) => {
      const v = vector(1, 0);
      const filter = { ...ALL, fields };
      const said = sortedIds(await index.searchText("spoken", ["word"], filter, 10));
      assert.deepEqual(sortedIds(await index.searchVector("s", v, filter, 10)), said);
      const { rows, total } = await index.list(filter, 0, 10);
      assert.deepEqual(rows.map(({ id }) => id).sort(byUtf8), said);
      assert.equal(total, said.length);
      return said;
    };
    const held = (id: string, more: Partial<MomentRow>) =>
      row("a", id, { spoken: "word", vectors: new Map([["s", [vector(1, 0)]]]), ...more });

    test("any of a facet's values, exactly as written, and of that field alone", async (t) => {
      const { index } = await open(t, analyze);
      const facets = (light: string[], mood: string[]) => ({
        facets: new Map([
          ["a.light", light],
          ["b.light", mood],
        ]),
      });
      await index.replaceAssets([
        asset("a", [
          held("m1", facets(["day"], ["night"])),
          held("m2", facets(["day", "night"], [])),
          held("m3", facets(["Day", "day "], ['it\'s "quoted", \\ 100%'])),
          held("m4", {}),
        ]),
      ]);
      const light = (...values: string[]) => ({ field: "a.light", values });
      assert.deepEqual(await found(index, light("day")), ["m1", "m2"]);
      assert.deepEqual(await found(index, light("night")), ["m2"]);
      assert.deepEqual(await found(index, light("night", "Day")), ["m2", "m3"]);
      assert.deepEqual(await found(index, light("day"), light("night")), ["m2"]);
      assert.deepEqual(await found(index, light("day"), { field: "b.light", values: ["night"] }), ["m1"]);
      assert.deepEqual(await found(index, { field: "b.light", values: ['it\'s "quoted", \\ 100%'] }), ["m3"]);
      assert.deepEqual(await found(index, light("dusk")), []);
      assert.deepEqual(await found(index, light()), []);
      assert.deepEqual(await found(index, { field: "light", values: ["day"] }), []);
      for (const [i, value] of ODD_TEXTS.entries()) {
        await index.replaceAssets([
          asset("a", [held("odd", { facets: new Map([[value, [value]]]) }), held("m", {})], i + 2),
        ]);
        assert.deepEqual(await found(index, { field: value, values: [value] }), ["odd"]);
      }
    });

    test("a number in a range, and of that field alone", async (t) => {
      const { index } = await open(t, analyze);
      const numbers = (...lufs: number[]) => ({
        numbers: new Map([
          ["a.lufs", lufs],
          ["b.lufs", [7]],
        ]),
      });
      await index.replaceAssets([
        asset("a", [
          held("m1", numbers(-60, -10)),
          held("m2", numbers(-23.5)),
          held("m3", numbers(0, 1e9)),
          held("m4", {}),
        ]),
      ]);
      const lufs = (...ranges: { min?: number; max?: number; above?: number; below?: number }[]) => ({
        field: "a.lufs",
        ranges,
      });
      assert.deepEqual(await found(index, lufs({ min: -23.5 })), ["m1", "m2", "m3"]);
      assert.deepEqual(await found(index, lufs({ above: -10 })), ["m3"]);
      assert.deepEqual(await found(index, lufs({ max: -23.5 })), ["m1", "m2"]);
      assert.deepEqual(await found(index, lufs({ below: -23.5 })), ["m1"]);
      // One number has to lie within: m1 has one below and one above.
      assert.deepEqual(await found(index, lufs({ min: -30, max: -20 })), ["m2"]);
      assert.deepEqual(await found(index, lufs({ min: -30 }), lufs({ max: -20 })), ["m1", "m2"]);
      assert.deepEqual(await found(index, lufs({ min: 0, max: 0 }, { max: -60 })), ["m1", "m3"]);
      assert.deepEqual(await found(index, lufs({ min: 1, max: 0 })), []);
      assert.deepEqual(await found(index, lufs()), []);
      assert.deepEqual(await found(index, lufs({ min: 7, max: 7 })), []);
      assert.deepEqual(await found(index, { field: "b.lufs", ranges: [{ min: 7, max: 7 }] }), ["m1", "m2", "m3"]);
    });

    test("a list has all that a filter lets through, by title, asset and start, in pages", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([
        asset("z", [row("z", "z-1", { start_ms: 9000, end_ms: 9500, title: "A" }), row("z", "z-0", { title: "A" })]),
        asset("y", [row("y", "y-0", { title: "A" }), row("y", "y-1", { title: "B", languages: ["en"] })]),
        asset("w", [row("w", "w-0")], 1, "other"),
        asset("empty", []),
      ]);
      const list = async (from: number, limit: number, more: Partial<MomentFilter> = {}) => {
        const { rows, total } = await index.list({ ...ALL, ...more }, from, limit);
        return [total, rows.map(({ id }) => id)];
      };
      assert.deepEqual(await list(0, 10), [4, ["y-0", "z-0", "z-1", "y-1"]]);
      assert.deepEqual(await list(1, 2), [4, ["z-0", "z-1"]]);
      assert.deepEqual(await list(4, 2), [4, []]);
      assert.deepEqual(await list(0, 10, { languages: ["en"] }), [1, ["y-1"]]);
      assert.deepEqual(await list(0, 10, { assets: ["z"], from_ms: 9000 }), [1, ["z-1"]]);
      assert.deepEqual(await list(0, 10, { tenant: "nobody" }), [0, []]);
      await index.replaceAssets([
        asset("f", [
          row("f", "f-0", { facets: new Map([["light", ["day", "night"]]]) }),
          row("f", "f-1", {
            facets: new Map([
              ["light", ["day"]],
              ["mood", ["day"]],
            ]),
          }),
        ]),
      ]);
      const facets = new Map([
        [
          "light",
          new Map([
            ["day", 2],
            ["night", 1],
          ]),
        ],
        ["mood", new Map([["day", 1]])],
      ]);
      assert.deepEqual((await index.list({ ...ALL, assets: ["f", "y"] }, 0, 1)).facets, facets);
      assert.deepEqual((await index.list({ ...ALL, assets: ["f"] }, 9, 1)).facets, facets);
      await index.removeAssets("acme", ["f"]);
      const [first] = (await index.list(ALL, 0, 1)).rows;
      assert.deepEqual([first?.asset, first?.title, first?.terms], ["y", "A", NO_TERMS]);
    });

    test("a label that is given more often counts more", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([
        asset("a", [
          row("a", "little", { labels: ["boat", "x", "x", "x"] }),
          row("a", "much", { labels: ["boat", "boat", "boat", "x"] }),
          row("a", "some", { labels: ["boat", "boat", "x", "x"] }),
        ]),
      ]);
      assert.deepEqual(ids(await index.searchText("labels", ["boat"], ALL, 10)), ["much", "some", "little"]);
      assert.equal((await index.documentFrequencies("labels", ["boat"], "acme")).get("boat"), 3);
    });

    test("any text may be a tenant, an asset or an id", async (t) => {
      const handle = await open(t, analyze);
      const texts = [...ODD_TEXTS, "x' OR '1'='1", "') OR true --", "`a`", "\u0000", "a\u0000b"];
      await handle.index.replaceAssets(
        texts.flatMap((text) => [
          asset(text, [row(text, `id ${text}`, { spoken: "word", title: text, source: text })]),
          asset(text, [row(text, text, { spoken: "word" })], 2, `tenant ${text}`),
        ]),
      );
      const index = await handle.reopen();
      for (const text of texts) {
        const hits = await index.searchText("spoken", ["word"], { ...ALL, assets: [text] }, 100);
        assert.deepEqual(
          hits.map((hit) => [hit.row.id, hit.row.asset, hit.row.title]),
          [[`id ${text}`, text, text]],
        );
        const theirs = await index.searchText("spoken", ["word"], { tenant: `tenant ${text}` }, 100);
        assert.deepEqual(
          theirs.map((hit) => [hit.row.tenant, hit.row.id]),
          [[`tenant ${text}`, text]],
        );
        assert.equal((await index.revisions(`tenant ${text}`, [text])).get(text), 2);
      }
      await index.replaceAssets(texts.map((text) => asset(text, [], 2)));
      assert.deepEqual(await index.stats("acme").then(({ rows, assets }) => ({ rows, assets })), {
        rows: 0,
        assets: 0,
      });
      assert.equal((await index.stats(`tenant ${texts[3]}`)).rows, 1);
    });

    test("vector search is by cosine similarity, best first, and leaves out rows without a vector", async (t) => {
      const { index } = await open(t, analyze);
      const rows = [vector(1, 0, 0), vector(1, 1, 0), vector(0, 1, 0), vector(-1, 0, 0)].map((v, i) =>
        row("a", `m${i}`, { vectors: new Map([["s", [v]]]) }),
      );
      await index.replaceAssets([asset("a", [...rows, row("a", "none", { spoken: "word" })])]);
      const hits = await index.searchVector("s", vector(1, 0, 0), ALL, 10);
      assert.deepEqual(ids(hits), ["m0", "m1", "m2", "m3"]);
      for (const [i, want] of [1, Math.SQRT1_2, 0, -1].entries()) near(hits[i]?.score, want);
    });

    test("of several vectors the nearest counts, and limit counts moments", async (t) => {
      const handle = await open(t, analyze);
      const near3 = Array.from({ length: 5 }, (_, i) => vector(10, i));
      await handle.index.replaceAssets([
        asset("a", [
          row("a", "many", { vectors: new Map([["s", near3]]) }),
          row("a", "one", { vectors: new Map([["s", [vector(10, 9)]]]) }),
          row("a", "mixed", { vectors: new Map([["s", [vector(-1, 0), vector(10, 7)]]]) }),
          row("a", "none", { vectors: new Map([["s", []]]) }),
        ]),
      ]);
      const index = await handle.reopen();
      const hits = await index.searchVector("s", vector(1, 0), ALL, 10);
      assert.deepEqual(ids(hits), ["many", "mixed", "one"]);
      near(hits[0]?.score, 1);
      near(hits[1]?.score, 10 / Math.hypot(10, 7));
      assert.deepEqual(ids(await index.searchVector("s", vector(1, 0), ALL, 2)), ["many", "mixed"]);
      assert.deepEqual((await index.stats("acme")).spaces, new Map([["s", 3]]));
    });

    test("vectors of moments come back as they were given", async (t) => {
      const handle = await open(t, analyze);
      const two = [vector(1, 2), vector(3, 1)];
      const quoted = row("a", "it's", {
        vectors: new Map([
          ["s", [vector(1, 0)]],
          ["t", [vector(1, 2, 3)]],
        ]),
      });
      await handle.index.replaceAssets([asset("a", [row("a", "m", { vectors: new Map([["s", two]]) }), quoted])]);
      await handle.index.replaceAssets([
        asset("a", [row("a", "m", { vectors: new Map([["s", [vector(7, 1)]]]) })], 1, "other"),
      ]);
      const index = await handle.reopen();
      assert.deepEqual(
        await index.vectorsOf("s", ["m", "it's", "nobody"], "acme"),
        new Map([
          ["m", two],
          ["it's", [vector(1, 0)]],
        ]),
      );
      assert.deepEqual(await index.vectorsOf("t", ["m", "it's"], "acme"), new Map([["it's", [vector(1, 2, 3)]]]));
      assert.deepEqual(await index.vectorsOf("s", [], "acme"), new Map());
      assert.deepEqual(await index.vectorsOf("unknown", ["m"], "acme"), new Map());
    });

    test("a dropped space is gone for its tenant alone, and may come again", async (t) => {
      const handle = await open(t, analyze);
      let { index } = handle;
      const both = (x: number) =>
        new Map([
          ["old", [vector(1, x)]],
          ["new", [vector(1, 0, x)]],
        ]);
      const rows = [
        row("a", "m0", { spoken: "word", vectors: both(0) }),
        row("a", "m1", { spoken: "word", vectors: both(1) }),
      ];
      await index.replaceAssets([asset("a", rows, 3), asset("a", [row("a", "m0", { vectors: both(2) })], 1, "other")]);
      const check = async (oldRows: number) => {
        assert.equal((await index.searchVector("old", vector(1, 0), ALL, 10)).length, oldRows);
        assert.equal((await index.vectorsOf("old", ["m0", "m1"], "acme")).size, oldRows);
        assert.equal((await index.searchVector("new", vector(1, 0, 0), ALL, 10)).length, 2);
        assert.deepEqual(sortedIds(await index.searchText("spoken", ["word"], ALL, 10)), ["m0", "m1"]);
        assert.deepEqual(
          (await index.stats("acme")).spaces,
          new Map([...(oldRows > 0 ? [["old", oldRows] as const] : []), ["new", 2]]),
        );
        assert.equal((await index.revisions("acme", ["a"])).get("a"), 3);
      };
      await index.dropSpace("nobody", "old");
      await index.dropSpace("acme", "unknown");
      await check(2);
      await index.dropSpace("acme", "old");
      await index.dropSpace("acme", "old");
      await check(0);
      assert.equal((await index.searchVector("old", vector(1, 0), { tenant: "other" }, 10)).length, 1);
      await index.dropSpace("other", "old");
      assert.equal((await index.searchVector("old", vector(1, 0), { tenant: "other" }, 10)).length, 0);
      assert.deepEqual((await index.stats("other")).spaces, new Map([["new", 1]]));
      await index.optimize();
      index = await handle.reopen();
      await check(0);
      await index.replaceAssets([asset("a", rows, 3)]);
      await check(2);
    });

    test("spaces are apart, may differ in dimension, come later and go", async (t) => {
      const handle = await open(t, analyze);
      let { index } = handle;
      const v2 = (x: number): [string, Float32Array[]] => ["model one/r1", [vector(1, x)]];
      const v3 = (x: number): [string, Float32Array[]] => ["model' two", [vector(x, 1, 0)]];
      await index.replaceAssets([asset("a", [row("a", "a1", { vectors: new Map([v2(0)]) })])]);
      await index.replaceAssets([asset("b", [row("b", "b1", { vectors: new Map([v2(1), v3(0)]) })])]);
      await index.replaceAssets([asset("c", [row("c", "c1", { spoken: "word", vectors: new Map([v3(1)]) })])]);
      index = await handle.reopen();
      assert.deepEqual(ids(await index.searchVector("model one/r1", vector(1, 0), ALL, 10)), ["a1", "b1"]);
      assert.deepEqual(ids(await index.searchVector("model' two", vector(1, 1, 0), ALL, 10)), ["c1", "b1"]);
      assert.deepEqual(await index.searchVector("unknown", vector(1, 1, 0), ALL, 10), []);
      assert.deepEqual(
        (await index.stats("acme")).spaces,
        new Map([
          ["model one/r1", 2],
          ["model' two", 2],
        ]),
      );
      await index.replaceAssets(
        ["a", "b"].map((name) => asset(name, [row(name, `${name}1`, { vectors: new Map([v3(2)]) })], 2)),
      );
      assert.deepEqual(await index.searchVector("model one/r1", vector(1, 0), ALL, 10), []);
      assert.deepEqual((await index.stats("acme")).spaces, new Map([["model' two", 3]]));
      await index.optimize();
      assert.equal((await index.searchVector("model' two", vector(1, 1, 0), ALL, 10)).length, 3);
      assert.deepEqual(ids(await index.searchText("spoken", ["word"], ALL, 10)), ["c1"]);
      await index.replaceAssets([asset("a", [row("a", "a1", { vectors: new Map([v2(0)]) })], 3)]);
      assert.deepEqual(ids(await index.searchVector("model one/r1", vector(1, 0), ALL, 10)), ["a1"]);
    });

    test("document frequencies count the tenant's rows, at any time", async (t) => {
      const handle = await open(t, analyze);
      let { index } = handle;
      const count = async () => [
        ...(await index.documentFrequencies("spoken", ["red", "green", "no"], "acme")).values(),
      ];
      assert.deepEqual(await count(), [0, 0, 0]);
      await index.replaceAssets([spoken("a", ["red red red", "red green", "blue"])]);
      assert.deepEqual(await count(), [2, 1, 0]);
      await index.optimize();
      await index.replaceAssets([spoken("b", ["red", "green"])]);
      assert.deepEqual(await count(), [3, 2, 0]);
      await index.replaceAssets([spoken("a", ["green"], 2)]);
      assert.deepEqual(await count(), [1, 2, 0]);
      index = await handle.reopen();
      assert.deepEqual(await count(), [1, 2, 0]);
      await index.replaceAssets([asset("b", [], 2)]);
      assert.deepEqual(await count(), [0, 1, 0]);
      assert.deepEqual([...(await index.documentFrequencies("written", ["green"], "acme"))], [["green", 0]]);
      assert.deepEqual(await index.documentFrequencies("spoken", [], "acme"), new Map());
    });

    test("stats count rows, assets with rows, and bytes", async (t) => {
      const handle = await open(t, analyze);
      await handle.index.replaceAssets([spoken("a", ["one", "two"]), spoken("b", ["three"]), asset("c", [])]);
      const index = await handle.reopen();
      const { rows, assets, spaces, bytes } = await index.stats("acme");
      assert.deepEqual({ rows, assets, spaces }, { rows: 3, assets: 2, spaces: new Map() });
      assert.ok(bytes > 0);
    });

    test("clear empties the index, and it can be filled again", async (t) => {
      const handle = await open(t, analyze);
      const filled = asset("a", [row("a", "m", { spoken: "word", vectors: new Map([["s", [vector(1, 2)]]]) })], 9);
      await handle.index.replaceAssets([filled, asset("x", [row("x", "m", { spoken: "word" })], 9, "other")]);
      await handle.index.clear();
      const check = async (index: MomentIndex) => {
        assert.deepEqual(await index.searchText("spoken", ["word"], ALL, 10), []);
        assert.deepEqual(await index.searchVector("s", vector(1, 2), ALL, 10), []);
        assert.equal((await index.revisions("acme", ["a"])).get("a"), 0);
        assert.equal((await index.stats("other")).rows, 0);
      };
      await check(handle.index);
      const index = await handle.reopen();
      await check(index);
      await index.replaceAssets([
        asset("a", [row("a", "m", { spoken: "word", vectors: new Map([["s", [vector(1, 2, 3)]]]) })]),
      ]);
      assert.deepEqual(ids(await index.searchText("spoken", ["word"], ALL, 10)), ["m"]);
      assert.deepEqual(ids(await index.searchVector("s", vector(1, 2, 3), ALL, 10)), ["m"]);
    });

    test("optimize is safe beside searches and writes", async (t) => {
      const { index } = await open(t, analyze);
      await index.replaceAssets([spoken("a", ["word"])]);
      const work: Promise<unknown>[] = [];
      for (let i = 0; i < 4; i++) {
        work.push(index.replaceAssets([spoken(`b${i}`, ["word"])]), index.optimize());
        for (let j = 0; j < 3; j++)
          work.push(
            index.searchText("spoken", ["word"], { ...ALL, assets: ["a"] }, 10).then((hits) => {
              assert.deepEqual(ids(hits), ["a-0"]);
            }),
          );
      }
      await Promise.all(work);
      assert.equal((await index.searchText("spoken", ["word"], ALL, 10)).length, 5);
    });

    test("after any series of replacements, searches find what a plain list would", async (t) => {
      const handle = await open(t, analyze);
      let { index } = handle;
      const random = seeded(7);
      const below = (n: number) => Math.floor(random() * n);
      const word = () => `w${Math.floor(30 * random() ** 2)}`;
      const model = new Map<string, AssetRows>();
      for (let step = 0; step < 25; step++) {
        const batch = Array.from({ length: 1 + below(3) }, () => {
          const name = `a${below(8)}`;
          const rows = Array.from({ length: below(5) }, (_, i) =>
            row(name, `${name}-${i}`, {
              spoken: Array.from({ length: below(7) }, word).join(" "),
              vectors: below(3) > 0 ? new Map([["s", [vector(1, random(), random())]]]) : new Map(),
            }),
          );
          return asset(name, rows, 1 + below(4) + Math.floor(step / 4));
        });
        await index.replaceAssets(batch);
        for (const each of batch)
          if (each.revision >= (model.get(each.asset)?.revision ?? 0)) model.set(each.asset, each);
        if (step % 7 === 6) await index.optimize();
        if (step % 11 === 10) index = await handle.reopen();
        const rows = [...model.values()].flatMap((each) => each.rows);
        const terms = [word(), word()];
        const filter = below(2) === 0 ? ALL : { ...ALL, assets: [`a${below(8)}`, `a${below(8)}`] };
        const passes = (each: MomentRow) => filter.assets?.includes(each.asset) ?? true;
        const has = (each: MomentRow, term: string) => analyze(each.spoken).includes(term);
        assert.deepEqual(
          sortedIds(await index.searchText("spoken", terms, filter, 1000)),
          rows
            .filter((each) => passes(each) && terms.some((term) => has(each, term)))
            .map((each) => each.id)
            .sort(byUtf8),
        );
        assert.deepEqual(
          sortedIds(await index.searchVector("s", vector(1, 1, 1), filter, 1000)),
          rows
            .filter((each) => passes(each) && each.vectors.size > 0)
            .map((each) => each.id)
            .sort(byUtf8),
        );
        assert.deepEqual(
          await index.documentFrequencies("spoken", terms, "acme"),
          new Map(terms.map((term) => [term, rows.filter((each) => has(each, term)).length])),
        );
        assert.equal((await index.stats("acme")).rows, rows.length);
      }
    });

    test("after disposal every call rejects with INDEX_CLOSED; disposing again is fine", async (t) => {
      const { index } = await open(t, analyze);
      const written = index.replaceAssets([spoken("a", ["word"])]);
      await index[Symbol.asyncDispose]();
      await written;
      await index[Symbol.asyncDispose]();
      for (const call of [
        () => index.replaceAssets([spoken("a", ["word"])]),
        () => index.removeAssets("acme", ["a"]),
        () => index.searchText("spoken", ["word"], ALL, 10),
        () => index.searchVector("s", vector(1, 2), ALL, 10),
        () => index.vectorsOf("s", ["m"], "acme"),
        () => index.dropSpace("acme", "s"),
        () => index.documentFrequencies("spoken", ["word"], "acme"),
        () => index.stats("acme"),
        () => index.revisions("acme", ["a"]),
        () => index.clear(),
        () => index.optimize(),
      ])
        await assert.rejects(call, withId("INDEX_CLOSED"));
    });

    test("writes begun before disposal are kept", async (t) => {
      const handle = await open(t, analyze);
      const written = handle.index.replaceAssets([spoken("a", ["word"])]);
      const index = await handle.reopen();
      await written;
      assert.deepEqual(ids(await index.searchText("spoken", ["word"], ALL, 10)), ["a-0"]);
    });
  });
}

/** Numbers in 0..1 that are the same on every run: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
