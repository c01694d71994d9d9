import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { type SpaceKind, type SpaceRecord, spaceRecordId } from "@heimdex/kernel";
import type { MomentRow } from "@heimdex/ports";
import { writeInstants } from "@heimdex/search";
import { ask, openGateway, post, type TestGateway } from "../testing.ts";

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
    facets: new Map(),
    numbers: new Map(),
    labels: [],
    languages: ["en-US"],
    title: `${assetId}.mp4`,
    source: `file:///films/${assetId}.mp4`,
    recorded_ms: undefined,
    instants: "",
    vectors: new Map([[SPACE, [AWAY]]]),
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
      vectors: new Map([[SPACE, [leaning(0.95)]]]),
    }),
    moment("m_4", "a_3", 20_000, { spoken: "My grandmother baked an apple cake." }),
    ...FILLER.map((spoken, i) => moment(`m_f${i}`, "a_4", i * 10_000, { spoken })),
  ]);
  return gateway;
}

interface Found {
  readonly start_ms: number;
  readonly at_ms: number;
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

const PICTURES = "pictures-1";
const JPEG = Buffer.from("ffd8ffe000104a464946", "hex");

/** Says that spaces serve, as the orchestrator does once assets have vectors in them. */
async function serving(gateway: TestGateway, spaces: Partial<Record<SpaceKind, string>>): Promise<void> {
  for (const [kind, space] of Object.entries(spaces) as [SpaceKind, string][]) {
    const record: SpaceRecord = { tenant: "default", kind, serving: { space, model: "any", maker: "" }, leaving: [] };
    await gateway.store("meta", spaceRecordId("default", kind), record, ["spaces"]);
  }
}

/** Embeds pictures in place of stage-embed: words only where `ofWords` is given. Returns what it was asked. */
async function pictureEmbedder(
  gateway: TestGateway,
  ofPicture: () => Float32Array,
  ofWords?: (text: string) => Float32Array,
): Promise<Record<string, string>[]> {
  const asked: Record<string, string>[] = [];
  await gateway.ports.bus.respond("interactive.embed.image", async (payload) => {
    const request = JSON.parse(Buffer.from((payload as { request: string }).request, "base64").toString("utf8"));
    asked.push(request);
    if ("image" in request && !Buffer.from(request.image, "base64").equals(JPEG))
      throw new HeimdexError("INVALID_ARGUMENT", "IMAGE_UNREADABLE: it ends too early");
    const vector = "image" in request ? ofPicture() : ofWords?.(request.text);
    const answer =
      vector === undefined
        ? { space: "", model: "", vector: [] }
        : { space: PICTURES, model: "any", vector: [...vector] };
    return { response: Buffer.from(JSON.stringify(answer)).toString("base64") };
  });
  return asked;
}

/** Four moments with pictures: two alike, one with two pictures, one apart. */
async function gallery(t: TestContext): Promise<TestGateway> {
  const gateway = await openGateway(t);
  const pictures = (...all: Float32Array[]) => ({ vectors: new Map([[PICTURES, all]]) });
  await index(gateway, [
    moment("m_beach", "a_1", 0, {
      ...pictures(leaning(1)),
      labels: ["person", "surfboard"],
      spoken: "The sea is calm.",
    }),
    moment("m_sand", "a_1", 10_000, { ...pictures(leaning(0.95)), labels: ["Person", "Person", "dog"] }),
    moment("m_cut", "a_2", 0, { ...pictures(AWAY, leaning(0.9)), labels: ["dining table"] }),
    moment("m_street", "a_3", 0, { ...pictures(leaning(0.1)), labels: ["car", "car", "person"] }),
    ...FILLER.map((spoken, i) => moment(`m_f${i}`, "a_4", i * 10_000, { spoken, vectors: new Map() })),
  ]);
  await serving(gateway, { text: SPACE, image: PICTURES });
  return gateway;
}
const asking = (gateway: TestGateway, more: object) => post(gateway.httpAddress, "/v1/search", more);

test("what is seen is found by its words, and narrows a search", async (t) => {
  const gateway = await gallery(t);
  const { results, moments } = await search(gateway, "people", "&channels=labels");
  assert.deepEqual([...moments].sort(), ["m_beach", "m_sand", "m_street"]);
  assert.equal(moments[0], "m_sand");
  assert.deepEqual(
    results[0]?.why.map(({ channel, matched }: Found["why"][number]) => [channel, matched]),
    [["labels", ["person"]]],
  );
  assert.equal(results[0]?.snippet, "Person");
  const found = async (query: string, more: string) => (await search(gateway, query, more)).moments.sort();
  assert.deepEqual(await found("people", "&labels=cars"), ["m_street"]);
  assert.deepEqual(await found("people", "&labels=Surfboards&labels=car"), ["m_beach", "m_street"]);
  assert.deepEqual(await found("table", "&labels=dining%20tables"), ["m_cut"]);
  assert.deepEqual(await found("table", "&labels=table"), []);
});

test("a picture finds moments that show something like it, and nothing far from it", async (t) => {
  const gateway = await gallery(t);
  const asked = await pictureEmbedder(gateway, () => leaning(1));
  const reply = await asking(gateway, { image: JPEG.toString("base64") });
  assert.equal(reply.status, 200, reply.body.toString());
  const results = reply.json.results as Found[];
  assert.deepEqual(
    results.map(({ moment: id, why }) => [id, why.map(({ channel }) => channel)]),
    [
      ["m_beach", ["image"]],
      ["m_sand", ["image"]],
      ["m_cut", ["image"]],
    ],
  );
  assert.equal(results[0]?.snippet, "The sea is calm.");
  assert.deepEqual([reply.json.query, reply.json.degraded], ["", false]);
  const narrowed = await asking(gateway, { image: JPEG.toString("base64"), labels: ["table"], page_size: 1 });
  assert.deepEqual(narrowed.json.results, []);
  assert.deepEqual(asked, [{ image: JPEG.toString("base64"), space: PICTURES }]);
});

test("words are looked for in pictures where the space takes words, and are not asked again where it does not", async (t) => {
  const gateway = await gallery(t);
  await embedder(gateway, () => Float32Array.of(0, 0, 1, 0));
  const asked = await pictureEmbedder(gateway, () => AWAY);
  assert.deepEqual((await search(gateway, "seaside")).moments, []);
  assert.deepEqual((await search(gateway, "waves")).moments, []);
  assert.deepEqual(asked, [{ text: "seaside", space: PICTURES }]);

  const worded = await gallery(t);
  await embedder(worded, () => Float32Array.of(0, 0, 1, 0));
  await pictureEmbedder(
    worded,
    () => AWAY,
    () => leaning(1),
  );
  const { moments, results, degraded } = await search(worded, "seaside", "&page_size=2");
  assert.deepEqual(moments, ["m_beach", "m_sand"]);
  assert.equal(results[0]?.why[0]?.channel, "image");
  assert.equal(degraded, false);
});

test("nobody embeds pictures: words answer and say so where there are pictures, a picture finds nothing and says so", async (t) => {
  const gateway = await gallery(t);
  await embedder(gateway, () => Float32Array.of(0, 0, 1, 0));
  assert.match((await search(gateway, "calm sea")).degraded_reason, /^looks: no worker embeds queries/);
  const reply = await asking(gateway, { image: JPEG.toString("base64") });
  assert.deepEqual([reply.status, reply.json.results, reply.json.degraded], [200, [], true]);
  assert.match(reply.json.degraded_reason, /^looks: no worker embeds pictures/);
});

test("a hit says when: at the word, at the label, at the nearest picture, else where the moment begins", async (t) => {
  const gateway = await gallery(t);
  await pictureEmbedder(gateway, () => leaning(0.9));
  const instants = (texts: object, vectors: Record<string, number[]> = {}) => writeInstants({ texts, vectors });
  await index(gateway, [
    moment("m_long", "a_5", 60_000, {
      spoken: "A quiet day.\nThe lighthouse keeper waves.",
      labels: ["boat", "dog"],
      vectors: new Map([[PICTURES, [leaning(-0.9), AWAY, leaning(0.9)]]]),
      instants: instants(
        { spoken: [[60_500], [64_000, 64_200, 64_800, 65_100]], labels: [[61_000], [68_500]] },
        { [PICTURES]: [60_000, 63_000, 67_000] },
      ),
    }),
  ]);
  const when = async (more: object) => {
    const { results } = (await asking(gateway, { assets: ["a_5"], ...more })).json as { results: Found[] };
    return results.map(({ start_ms, at_ms }) => [start_ms, at_ms]);
  };
  assert.deepEqual(await when({ query: "lighthouse keepers" }), [[60_000, 64_200]]);
  assert.deepEqual(await when({ query: "dogs" }), [[60_000, 68_500]]);
  assert.deepEqual(await when({ image: JPEG.toString("base64") }), [[60_000, 67_000]]);
  assert.deepEqual(await when({ like: "m_cut" }), [[60_000, 63_000]]);
  assert.deepEqual(await when({ query: "people", assets: ["a_3"] }), [[0, 0]]);
});

test("more like a moment: by its pictures and its words, never itself", async (t) => {
  const gateway = await gallery(t);
  const found = async (like: string, more = "") =>
    (await ask(gateway.httpAddress, `/v1/search?like=${like}${more}`)).json.results.map(
      (result: Found) => result.moment,
    );
  assert.deepEqual(await found("m_beach"), ["m_sand", "m_cut"]);
  assert.deepEqual(await found("m_beach", "&per_asset=1&assets=a_1"), ["m_sand"]);
  assert.deepEqual(await found("m_cut"), ["m_sand", "m_beach"]);

  const both = await archive(t);
  await index(both, [
    moment("m_9", "a_9", 0, { vectors: new Map([[SPACE, [leaning(0.9)]]]), spoken: "Boats at the pier." }),
    moment("m_8", "a_8", 0, {
      vectors: new Map([
        [SPACE, [leaning(0.9)]],
        [PICTURES, [leaning(1)]],
      ]),
    }),
    moment("m_7", "a_7", 0, { vectors: new Map([[PICTURES, [leaning(1)]]]) }),
  ]);
  await serving(both, { text: SPACE, image: PICTURES });
  const reply = await ask(both.httpAddress, "/v1/search?like=m_8");
  const channels = new Map(
    reply.json.results.map(({ moment: id, why }: Found) => [id, why.map(({ channel }) => channel)]),
  );
  assert.deepEqual(channels.get("m_9"), ["text"]);
  assert.deepEqual(channels.get("m_7"), ["image"]);
  assert.deepEqual([...channels.keys()].sort(), ["m_3", "m_7", "m_9"]);
});

test("one thing is asked for at a time, and what cannot be is refused", async (t) => {
  const gateway = await gallery(t);
  await pictureEmbedder(gateway, () => leaning(1));
  const refusal = async (more: object) => {
    const { status, json } = await asking(gateway, more);
    return [status, json.error.details[0].reason];
  };
  const image = JPEG.toString("base64");
  assert.deepEqual(await refusal({}), [400, "INVALID_ARGUMENT"]);
  assert.deepEqual(await refusal({ query: "sea", like: "m_beach" }), [400, "INVALID_ARGUMENT"]);
  assert.deepEqual(await refusal({ query: "sea", image }), [400, "INVALID_ARGUMENT"]);
  assert.deepEqual(await refusal({ image: Buffer.from("%PDF-1.7").toString("base64") }), [400, "INVALID_ARGUMENT"]);
  const large = Buffer.concat([JPEG, Buffer.alloc(180 * 1024)]).toString("base64");
  assert.deepEqual(await refusal({ image: large }), [400, "INVALID_ARGUMENT"]);
  assert.deepEqual(await refusal({ image: Buffer.concat([JPEG, JPEG]).toString("base64") }), [400, "IMAGE_UNREADABLE"]);
  assert.deepEqual(await refusal({ like: "m_nobody" }), [404, "MOMENT_NOT_FOUND"]);
  assert.deepEqual(await refusal({ like: "m_f0" }), [404, "MOMENT_NOT_FOUND"]);
  assert.deepEqual(await refusal({ query: "sea", labels: [" "] }), [400, "INVALID_ARGUMENT"]);
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
