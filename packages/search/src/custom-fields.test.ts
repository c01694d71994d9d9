import assert from "node:assert/strict";
import { test } from "node:test";
import { customFields, customReader, fieldKey, fieldName } from "./custom-fields.ts";
import { readInstants, writeInstants } from "./instants.ts";
import { momentsOf } from "./moments.ts";

const marked = (search: string, more: object = {}) => ({ ...more, "x-heimdex-search": search });
const layerSchema = (properties: object, more: object = {}) =>
  JSON.stringify({ properties: { items: { type: "array", items: { properties } } }, ...more });
const fieldsOf = (schema: string) =>
  customFields([{ schema: "org.example.a", layerSchema: schema }]).map(
    ({ path, search }) => `${path.join(".")} ${search}`,
  );

test("marks are found wherever a schema has them: below objects, lists, choices and references", () => {
  assert.deepEqual(
    fieldsOf(
      layerSchema(
        {
          text: marked("text"),
          plain: { type: "string" },
          none: marked("none"),
          tone: { properties: { level: marked("number") } },
          tags: { type: "array", items: marked("facet", { type: "string" }) },
          list: marked("facet", { type: "array" }),
          parts: { items: { properties: { name: marked("text") } } },
          maybe: { anyOf: [marked("number"), { type: "null" }] },
          referred: { $ref: "#/$defs/a~1b" },
          beside: marked("facet", { $ref: "#/$defs/plain" }),
        },
        { $defs: { "a/b": marked("number"), plain: {} } },
      ),
    ),
    [
      "text text",
      "tone.level number",
      "tags facet",
      "list facet",
      "parts.name text",
      "maybe number",
      "referred number",
      "beside facet",
    ],
  );
});

test("a schema that contains itself, or refers to nothing, ends", () => {
  const self = { properties: { name: marked("text"), child: { $ref: "#/$defs/node" } } };
  assert.deepEqual(
    fieldsOf(layerSchema({ node: { $ref: "#/$defs/node" }, lost: { $ref: "#/$defs/x" } }, { $defs: { node: self } })),
    ["node.name text"],
  );
  assert.deepEqual(fieldsOf("{}"), []);
  assert.deepEqual(fieldsOf("true"), []);
});

test("of two ports of one kind the first counts; names of two layers never meet", () => {
  const [one, ...others] = customFields([
    { schema: "org.a", layerSchema: layerSchema({ b: { properties: { c: marked("facet") } } }) },
    { schema: "org.a", layerSchema: layerSchema({ c: marked("text") }) },
    { schema: "org.a.b", layerSchema: layerSchema({ c: marked("facet") }) },
    { schema: "org.none", layerSchema: "" },
  ]);
  const [two] = others;
  assert.ok(one && two && others.length === 1);
  assert.equal(fieldName(one), fieldName(two));
  assert.notEqual(fieldKey(one), fieldKey(two));
});

test("a moment has the values of its items, each once, with the time it is first there", () => {
  const fields = customFields([
    {
      schema: "org.example.a",
      layerSchema: layerSchema({ light: marked("facet"), lufs: marked("number"), text: marked("text") }),
    },
  ]);
  const item = (start_ms: number, more: object) => ({ start_ms, end_ms: start_ms + 1_000, ...more });
  const [moment] = momentsOf(
    {
      asset: "a",
      media: { duration_ms: 20_000 },
      layers: [
        {
          kind: "org.example.a",
          items: [
            item(4_000, { light: "day", lufs: -20, text: "a  siren" }),
            item(2_000, { light: "day", lufs: Number.NaN, text: 5 }),
            item(6_000, { light: true, lufs: -23.5 }),
            item(7_000, { light: null, lufs: "loud" }),
          ],
        },
        { kind: "org.example.unknown", items: [item(0, { text: "as ever", light: "day" })] },
        { kind: "org.example.silent", items: [item(0, { text: "nobody searches this" })] },
      ],
    },
    { custom: customReader(fields, new Set(["org.example.a", "org.example.silent"])) },
  );
  const [light, lufs] = fields.map(fieldKey) as [string, string];
  assert.deepEqual(moment?.facets, new Map([[light, ["day", "true"]]]));
  assert.deepEqual(moment?.numbers, new Map([[lufs, [-20, -23.5]]]));
  assert.equal(moment?.custom, "a siren\nas ever");
  const instants = { texts: {}, vectors: {}, fields: { [light]: [2_000, 6_000], [lufs]: [4_000, 6_000] } };
  assert.deepEqual(moment?.fieldInstants, instants.fields);
  assert.deepEqual(readInstants(writeInstants(instants)), instants);
});
