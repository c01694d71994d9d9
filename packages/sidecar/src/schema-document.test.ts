import assert from "node:assert/strict";
import { test } from "node:test";
import Ajv2020 from "ajv/dist/2020.js";
import { annotatedSchema, type JsonSchema, schemaDocument } from "./schema-document.ts";
import { fieldReference, MARKER, renderPage } from "./schema-page.ts";
import { docsFile } from "./testing.ts";

const schema = annotatedSchema();

/** Every property of every type, those of unnamed objects too. */
function* fields(type: JsonSchema, path: string): Generator<[string, JsonSchema]> {
  for (const [name, field] of Object.entries(type.properties ?? {})) {
    yield [`${path}.${name}`, field];
    yield* fields(field, `${path}.${name}`);
    if (field.items !== undefined) yield* fields(field.items, `${path}.${name}[]`);
  }
}
const all = Object.entries(schema.$defs ?? {}).flatMap(([name, type]) => [...fields(type, name)]);

function exampleOf(field: JsonSchema): unknown {
  if (field.examples?.[0] !== undefined) return field.examples[0];
  const inner = field.items ?? field;
  if (inner.anyOf !== undefined) return inner.anyOf.every((option) => option.$ref !== undefined) || undefined;
  if (inner.$ref !== undefined) return schema.$defs?.[inner.$ref.split("/").at(-1) ?? ""]?.examples?.[0];
  return field.properties === undefined
    ? undefined
    : Object.values(field.properties).every((part) => exampleOf(part) !== undefined) || undefined;
}

test("every type and every field has a description and an example", () => {
  assert.ok(all.length > 150, `only ${all.length} fields were found`);
  const bare = all.filter(([, field]) => !field.description || exampleOf(field) === undefined).map(([path]) => path);
  assert.deepEqual(bare, []);
  // Layers and the sidecar itself are shown by the whole example.
  const types = Object.entries(schema.$defs ?? {}).filter(
    ([name, { description, examples }]) => !description || (examples === undefined && !/Layer$|^Sidecar$/.test(name)),
  );
  assert.deepEqual(types, []);
});

test("every number has a unit", () => {
  const numbers = all.filter(([, { type, anyOf, const: value }]) =>
    [type, ...(anyOf ?? []).map((option) => option.type), typeof value].some(
      (kind) => kind === "integer" || kind === "number",
    ),
  );
  assert.ok(numbers.length > 60, `only ${numbers.length} numbers were found`);
  assert.deepEqual(
    numbers.filter(([, field]) => field["x-unit"] === undefined).map(([path]) => path),
    [],
  );
});

test("every example is valid where it stands", () => {
  const ajv = new Ajv2020.Ajv2020({ strict: true, allErrors: true });
  const published = schemaDocument();
  const typed = all.map(([path, { examples }]) => ({ path, examples }));
  const named = Object.entries(published.$defs ?? {});
  for (const [name, type] of named) {
    const validate = ajv.compile({ ...type, $defs: published.$defs });
    for (const example of type.examples ?? [])
      assert.ok(validate(example), `${name}: ${ajv.errorsText(validate.errors)}`);
  }
  const plain = new Map(named.flatMap(([name, type]) => [...fields(type, name)]));
  for (const { path, examples } of typed) {
    const { examples: _examples, ...field } = plain.get(path) ?? {};
    const validate = ajv.compile({ ...field, $defs: published.$defs });
    for (const example of examples ?? []) assert.ok(validate(example), `${path}: ${ajv.errorsText(validate.errors)}`);
  }
});

test("the published schema says no more than JSON Schema knows, and forbids no field", () => {
  const text = JSON.stringify(schemaDocument());
  assert.doesNotMatch(text, /x-unit|"additionalProperties":false|9007199254740991/);
  assert.equal(schemaDocument().$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schemaDocument().$id, "https://heimdex.dev/schemas/sidecar/1");
});

test("the schema file and the page are what the schemas give", () => {
  assert.equal(docsFile("sidecar.schema.json"), `${JSON.stringify(schemaDocument(), undefined, 2)}\n`);
  const page = docsFile("sidecar-schema.md");
  assert.equal(page, renderPage(page, fieldReference(schema)));
});

test("a page without the marker is not overwritten", () => {
  assert.throws(() => renderPage("# Sidecar\n", "generated"), new RegExp(MARKER.slice(5, 20)));
});
