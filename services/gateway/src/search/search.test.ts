import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MomentRow } from "@heimdex/ports";
import { ask, openGateway, type TestGateway } from "../testing.ts";

const SPACE = "space-1";

/** A unit vector that leans from one axis towards another: cosine with the first axis is `cosine`. */
const leaning = (cosine: number) => Float32Array.of(cosine, Math.sqrt(1 - cosine * cosine), 0, 0);
/** Far from all of them. */
const AWAY = Float32Array.of(0, 0, 0, 1);

function moment(id: string, assetId: string, start_ms: number, more: Partial<MomentRow> = {}): MomentRow {
  return {
    id,
    tenant: "default",
    asset: assetId,
    revision: 1,
    start_ms,
    end_ms: start_ms + 10_000,
    spoken: "",
    written: "",
    described: "",
    names: "",
    custom: "",
    labels: [],
    languages: ["en-US"],
    title: `${assetId}.mp4`,
    source: `file:///films/${assetId}.mp4`,
    recorded_ms: undefined,
    vectors: new Map([[SPACE, AWAY]]),
    ...more,
  };
}

async function index(gateway: TestGateway, rows: readonly MomentRow[]): Promise<void> {
  const byAsset = Map.groupBy(rows, (row) => row.asset);
  const batch = [...byAsset].map(([name, its]) => ({ tenant: "default", asset: name, revision: 1, rows: its }));
  await gateway.ports.index.replaceAssets(batch);
}

/** Embeds queries in place of stage-embed; returns the texts it was asked for. */
async function embedder(gateway: TestGateway, vectorOf: (text: string) => Float32Array): Promise<string[]> {
  const asked: string[] = [];
  await gateway.ports.bus.respond("interactive.embed.text", async (payload) => {
    const { text } = JSON.parse(Buffer.from((payload as { request: string }).request, "base64").toString("utf8"));
    asked.push(text);
    const words = text.toLowerCase().split(/\s+/);
    const answer = { space: SPACE, vector: [...vectorOf(text)], known: words, unknown: [] };
    return { response: Buffer.from(JSON.stringify(answer)).toString("base64") };
  });
  return asked;
}

const FILLER = [
  "The council meets on Tuesday.",
  "Bread rises in the oven.",
  "A train leaves the old station.",
  "Snow fell on the mountain road.",
];

/** Three films about different things. */
async function archive(t: TestContext, config: Parameters<typeof openGateway>[1] = {}): Promise<TestGateway> {
  const gateway = await openGateway(t, config);
  await index(gateway, [
    moment("m_1", "a_1", 0, { spoken: "And then the whole harbour went dark that night." }),
    moment("m_2", "a_1", 10_000, { written: "WELCOME TO ROTTERDAM HARBOUR", languages: ["nl"] }),
    moment("m_3", "a_2", 0, {
      spoken: "Ships were moored along the quay.",
      vectors: new Map([[SPACE, leaning(0.95)]]),
    }),
    moment("m_4", "a_3", 20_000, { spoken: "My grandmother baked an apple cake." }),
    ...FILLER.map((spoken, i) => moment(`m_f${i}`, "a_4", i * 10_000, { spoken })),
  ]);
  return gateway;
}

interface Found {
  readonly moment: string;
  readonly why: readonly { readonly channel: string; readonly rank: number; readonly matched: readonly string[] }[];
  readonly snippet: string;
  readonly score: number;
}

async function search(gateway: TestGateway, query: string, more = "") {
  const reply = await ask(gateway.httpAddress, `/v1/search?query=${encodeURIComponent(query)}${more}`);
  assert.equal(reply.status, 200, reply.body.toString());
  const results = reply.json.results as Found[];
  return { ...reply.json, results, moments: results.map((result) => result.moment) };
}

test("words that were said are found, shown and explained", async (t) => {
  const gateway = await archive(t);
  await embedder(gateway, () => Float32Array.of(0, 0, 1, 0));
  const { results, degraded, took_ms, query } = await search(gateway, "  the dark harbour ");
  assert.equal(query, "the dark harbour");
  assert.equal(degraded, false);
  assert.ok(took_ms > 0);
  const [first] = results;
  assert.ok(first);
  assert.equal(first.moment, "m_1");
  assert.match(first.snippet, /whole harbour went dark/);
  const [why] = first.why;
  assert.deepEqual([why?.channel, why?.rank], ["spoken", 1]);
  assert.deepEqual([...(why?.matched ?? [])].sort(), ["dark", "harbour"]);
  const json = results[0] as unknown as Record<string, unknown>;
  assert.deepEqual(
    [json.asset, json.source, json.start_ms, json.end_ms, json.title],
    ["a_1", "file:///films/a_1.mp4", 0, 10_000, "a_1.mp4"],
  );
});

test("what was meant is found without a word in common", async (t) => {
  const gateway = await archive(t);
  await embedder(gateway, () => Float32Array.of(1, 0, 0, 0));
  const { results, moments } = await search(gateway, "vessels docked");
  assert.equal(moments[0], "m_3");
  assert.equal(results[0]?.why[0]?.channel, "text");
  assert.equal(results[0]?.snippet, "Ships were moored along the quay.");
});

test("nonsense finds nothing", async (t) => {
  const gateway = await archive(t);
  await embedder(gateway, () => Float32Array.of(0, 0, 1, 0));
  assert.deepEqual((await search(gateway, "quantum zebra accounting")).moments, []);
  assert.deepEqual((await search(gateway, "the of and")).moments, []);
  assert.deepEqual((await search(gateway, "?!")).moments, []);
});

test("channels, assets, times and languages narrow the search", async (t) => {
  const gateway = await archive(t);
  await embedder(gateway, () => Float32Array.of(0, 0, 1, 0));
  const found = async (more: string) => (await search(gateway, "harbour", more)).moments.sort();
  assert.deepEqual(await found(""), ["m_1", "m_2"]);
  assert.deepEqual(await found("&channels=spoken"), ["m_1"]);
  assert.deepEqual(await found("&channels=written&channels=spoken"), ["m_1", "m_2"]);
  assert.deepEqual(await found("&channels=described"), []);
  assert.deepEqual(await found("&assets=a_3"), []);
  assert.deepEqual(await found("&from_ms=10000"), ["m_2"]);
  assert.deepEqual(await found("&to_ms=10000"), ["m_1"]);
  assert.deepEqual(await found("&languages=en"), ["m_1"]);
  assert.deepEqual(await found("&languages=en&languages=nl"), ["m_1", "m_2"]);
});

test("without an embedder the words still answer, and the answer says what is missing", async (t) => {
  const gateway = await archive(t);
  const { moments, degraded, degraded_reason } = await search(gateway, "harbour");
  assert.deepEqual(moments.sort(), ["m_1", "m_2"]);
  assert.equal(degraded, true);
  assert.match(degraded_reason, /^meaning: no worker/);
  // Nobody asked for it: nothing is missing.
  assert.equal((await search(gateway, "harbour", "&channels=spoken")).degraded, false);
});

test("a slow embedder is not waited for, a broken one not believed", async (t) => {
  const gateway = await archive(t, { embedTimeoutMs: 20 });
  const slow = await gateway.ports.bus.respond("interactive.embed.text", () => new Promise(() => {}));
  assert.match((await search(gateway, "harbour")).degraded_reason, /20 ms/);
  await slow[Symbol.asyncDispose]();
  const broken = await gateway.ports.bus.respond("interactive.embed.text", async () => ({ response: "bm8=" }));
  assert.match((await search(gateway, "harbour")).degraded_reason, /could not be read/);
  await broken[Symbol.asyncDispose]();
  await gateway.ports.bus.respond("interactive.embed.text", async () => {
    throw new Error("out of memory");
  });
  const { degraded_reason, moments } = await search(gateway, "harbour");
  assert.match(degraded_reason, /INTERNAL/);
  assert.equal(moments.length, 2);
});

test("a query's vector is asked for once", async (t) => {
  const gateway = await archive(t);
  const asked = await embedder(gateway, () => Float32Array.of(0, 0, 1, 0));
  await search(gateway, "harbour");
  await search(gateway, "harbour", "&page_size=1");
  await search(gateway, "quay");
  assert.deepEqual(asked, ["harbour", "quay"]);
});

test("pages follow each other without gap or repeat, and belong to their query", async (t) => {
  const gateway = await openGateway(t);
  const rows = Array.from({ length: 7 }, (_, i) =>
    moment(`m_${i}`, `a_${i}`, 0, { spoken: `the harbour ${"and more words ".repeat(i)}` }),
  );
  const others = Array.from({ length: 30 }, (_, i) => moment(`m_o${i}`, `a_o${i}`, 0, { spoken: FILLER[i % 4] ?? "" }));
  await index(gateway, [...rows, ...others]);
  const all = (await search(gateway, "harbour", "&page_size=100&channels=spoken")).moments;
  assert.equal(all.length, 7);
  const paged: string[] = [];
  let token = "";
  do {
    const page = await search(gateway, "harbour", `&page_size=3&channels=spoken&page_token=${token}`);
    paged.push(...page.moments);
    token = page.next_page_token;
    if (token === "") continue;
    const stolen = await ask(gateway.httpAddress, `/v1/search?query=quay&channels=spoken&page_token=${token}`);
    assert.equal(stolen.status, 400);
  } while (token !== "");
  assert.deepEqual(paged, all);
});

test("one asset does not fill the answer", async (t) => {
  const gateway = await openGateway(t);
  const rows = Array.from({ length: 8 }, (_, i) => moment(`m_${i}`, "a_1", i * 10_000, { spoken: "the harbour" }));
  const others = Array.from({ length: 30 }, (_, i) => moment(`m_o${i}`, `a_o${i}`, 0, { spoken: FILLER[i % 4] ?? "" }));
  await index(gateway, [...rows, moment("m_8", "a_2", 0, { spoken: "the harbour, once more" }), ...others]);
  assert.equal((await search(gateway, "harbour", "&channels=spoken")).moments.length, 6);
  const { moments } = await search(gateway, "harbour", "&channels=spoken&per_asset=1");
  assert.equal(moments.length, 2);
  assert.ok(moments.includes("m_8"));
});
