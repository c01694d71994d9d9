import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MomentRow } from "@heimdex/ports";
import { fieldKey, writeInstants } from "@heimdex/search";
import { ask, openGateway, post, stage, type TestGateway } from "../testing.ts";

const marked = (search: string) => ({ "x-heimdex-search": search });
const SCHEMAS = {
  "org.example.loudness": { lufs: marked("number"), text: marked("text") },
  "org.example.colours": { daylight: marked("facet"), share: marked("number"), text: marked("text") },
  "org.example.paint": { daylight: marked("facet"), note: {} },
};
const field = (kind: string, ...path: string[]) => fieldKey({ kind, path, search: "facet" });
const LUFS = field("org.example.loudness", "lufs");
const COLOURS = field("org.example.colours", "daylight");
const PAINT = field("org.example.paint", "daylight");

function moment(id: string, start_ms: number, more: Partial<MomentRow> = {}): MomentRow {
  return {
    ...{ id, tenant: "default", asset: `a_${id[2]}`, revision: 1, start_ms, end_ms: start_ms + 10_000 },
    ...{ spoken: "", written: "", described: "", names: "", custom: "", labels: [], languages: ["en"] },
    ...{ title: `${id[2]}.mp4`, source: `file:///films/${id[2]}.mp4`, recorded_ms: undefined, instants: "" },
    ...{ facets: new Map(), numbers: new Map(), vectors: new Map() },
    ...more,
  };
}

/** Two films whose moments two stages of their own looked at. */
async function archive(t: TestContext): Promise<TestGateway> {
  const gateway = await openGateway(t);
  for (const [kind, properties] of Object.entries(SCHEMAS)) {
    const record = stage(kind);
    const [port] = record.manifest.outputs;
    assert.ok(port);
    const layerSchema = JSON.stringify({ properties: { items: { items: { properties } } } });
    const manifest = { ...record.manifest, outputs: [{ ...port, schema: kind, layerSchema }] };
    await gateway.store("stages", kind, { ...record, manifest }, []);
  }
  const rows = [
    moment("m_1", 0, {
      spoken: "a siren in the harbour",
      facets: new Map([[COLOURS, ["night"]]]),
      numbers: new Map([[LUFS, [-40, -18.2]]]),
      instants: writeInstants({ texts: {}, vectors: {}, fields: { [COLOURS]: [0], [LUFS]: [1_000, 4_000] } }),
    }),
    moment("m_1b", 10_000, { spoken: "the harbour sleeps", facets: new Map([[COLOURS, ["night"]]]) }),
    moment("m_2", 0, {
      spoken: "a quiet harbour",
      facets: new Map([
        [COLOURS, ["day"]],
        [PAINT, ["night"]],
      ]),
      numbers: new Map([[LUFS, [-30]]]),
    }),
    moment("m_2b", 10_000, { spoken: "bread rises in the oven" }),
  ];
  const batch = [...Map.groupBy(rows, ({ asset }) => asset)];
  await gateway.ports.index.replaceAssets(
    batch.map(([asset, its]) => ({ tenant: "default", asset, revision: 1, rows: its })),
  );
  return gateway;
}

interface Found {
  readonly moment: string;
  readonly at_ms: number;
  readonly why: readonly { readonly channel: string; readonly matched: readonly string[] }[];
}

async function search(gateway: TestGateway, parameters: Readonly<Record<string, string | readonly string[]>>) {
  const query = new URLSearchParams(
    Object.entries(parameters).flatMap(([name, values]) =>
      [values].flat().map((value): [string, string] => [name, value]),
    ),
  );
  const { status, json } = await ask(gateway.httpAddress, `/v1/search?${query}&channels=spoken`);
  const results = (json.results ?? []) as Found[];
  return { status, json, results, moments: results.map((result) => result.moment) };
}

test("values and numbers of custom layers narrow a search, and each result says what it has of them", async (t) => {
  const gateway = await archive(t);
  const found = async (...where: string[]) => (await search(gateway, { query: "harbour", where })).moments.sort();
  assert.deepEqual(await found(), ["m_1", "m_1b", "m_2"]);
  assert.deepEqual(await found("org.example.colours.daylight=night"), ["m_1", "m_1b"]);
  assert.deepEqual(await found("org.example.paint.daylight=night"), ["m_2"]);
  assert.deepEqual(await found("colours.daylight=night", "colours.daylight=day"), ["m_1", "m_1b", "m_2"]);
  assert.deepEqual(await found("colours.daylight=Night"), []);
  assert.deepEqual(await found("lufs>=-20"), ["m_1"]);
  assert.deepEqual(await found("lufs > -30", "lufs < -18.2"), []);
  assert.deepEqual(await found("lufs>-31", "lufs<-18.2"), ["m_2"]);
  assert.deepEqual(await found("lufs=-30", "lufs=-40"), ["m_1", "m_2"]);
  assert.deepEqual(await found("colours.daylight=night", "lufs>=-20"), ["m_1"]);
  // Of all that was found, on whatever page.
  const counted = await search(gateway, { query: "harbour", page_size: "1" });
  assert.deepEqual(counted.json.facets, [
    { field: "org.example.colours.daylight", value: "night", moments: 2 },
    { field: "org.example.colours.daylight", value: "day", moments: 1 },
    { field: "org.example.paint.daylight", value: "night", moments: 1 },
  ]);
  const { results } = await search(gateway, { query: "siren", where: ["colours.daylight=night", "lufs>=-20"] });
  assert.deepEqual(
    results[0]?.why.map(({ channel, matched }) => [channel, matched]),
    [
      ["spoken", ["siren"]],
      ["where", ["org.example.colours.daylight=night", "org.example.loudness.lufs=-18.2"]],
    ],
  );
});

test("without words, a filter lists what it lets through: by title and time, in pages, with the time of the value", async (t) => {
  const gateway = await archive(t);
  const { json, results, moments } = await search(gateway, { where: "lufs>=-100" });
  assert.deepEqual(moments, ["m_1", "m_2"]);
  assert.equal(json.degraded, false);
  assert.deepEqual(json.facets, [
    { field: "org.example.colours.daylight", value: "day", moments: 1 },
    { field: "org.example.colours.daylight", value: "night", moments: 1 },
    { field: "org.example.paint.daylight", value: "night", moments: 1 },
  ]);
  assert.deepEqual((await search(gateway, { where: "lufs>=-20" })).results[0]?.at_ms, 4_000);
  assert.deepEqual(results[0]?.why, [
    {
      channel: "where",
      rank: 0,
      score: 0,
      matched: ["org.example.loudness.lufs=-40", "org.example.loudness.lufs=-18.2"],
    },
  ]);
  assert.deepEqual((await search(gateway, { assets: "a_1", from_ms: "10000" })).moments, ["m_1b"]);
  const first = await search(gateway, { where: "colours.daylight=night", page_size: "1" });
  assert.deepEqual(first.moments, ["m_1"]);
  const next = { where: "colours.daylight=night", page_size: "1", page_token: first.json.next_page_token };
  const second = await search(gateway, next);
  assert.deepEqual([second.moments, second.json.next_page_token], [["m_1b"], ""]);
  const other = await search(gateway, { ...next, where: "lufs>=-100" });
  assert.equal(other.status, 400);
  const posted = await post(gateway.httpAddress, "/v1/search", { where: ["lufs<=-40"] });
  assert.deepEqual(
    posted.json.results.map((result: Found) => result.moment),
    ["m_1"],
  );
});

test("a condition that cannot be kept is refused, and the answer lists what can be filtered by", async (t) => {
  const gateway = await archive(t);
  const refusal = async (parameters: Parameters<typeof search>[1]) => {
    const { status, json } = await search(gateway, parameters);
    assert.equal(status, 400);
    const [violation] = json.error.details.find((detail: object) => "field_violations" in detail).field_violations;
    return `${violation.field}: ${violation.description}`;
  };
  const all =
    "there are org.example.colours.daylight (facet), org.example.colours.share (number), org.example.loudness.lufs (number), org.example.paint.daylight (facet)";
  assert.equal(
    await refusal({ query: "x", where: ["lufs>=-20", "org.example.loudness.level=3"] }),
    `where[1]: names no field to filter by: org.example.loudness.level; ${all}`,
  );
  assert.equal(
    await refusal({ where: "daylight=day" }),
    "where[0]: may mean org.example.colours.daylight or org.example.paint.daylight: give the whole name",
  );
  assert.match(
    await refusal({ where: "loudness.text=siren" }),
    /where\[0\]: org\.example\.loudness\.text is text: search for its/,
  );
  assert.match(await refusal({ where: "paint.note=x" }), /names no field to filter by: paint\.note/);
  assert.match(await refusal({ where: "colours.daylight>=day" }), /org\.example\.colours\.daylight is no number/);
  assert.match(await refusal({ where: "lufs>=loud" }), /org\.example\.loudness\.lufs is a number, "loud" is not/);
  assert.match(await refusal({ where: "lufs" }), /must be FIELD=VALUE/);
  assert.match(await refusal({ where: "=5" }), /must be FIELD=VALUE/);
  assert.match(await refusal({}), /^query: must be given, or `like`, or `image`, or something that narrows/);
  assert.match(await refusal({ where: "lufs>=0", per_asset: "2" }), /^per_asset: must not be given for a list/);
});

test("where no stage marks a field, a condition is told so", async (t) => {
  const gateway = await openGateway(t);
  const { json } = await search(gateway, { where: "lufs>=1" });
  assert.match(
    json.error.message,
    /there is none: no stage's layer marks a field `x-heimdex-search: facet` or `number`/,
  );
});
