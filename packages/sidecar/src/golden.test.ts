import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSidecar } from "./check-sidecar.ts";
import { LAYER_KINDS, type LayerKind, sidecarLayers, stageLayer } from "./layers.ts";
import { readSidecar } from "./read-sidecar.ts";
import { sidecar } from "./sidecar.ts";
import { exampleSidecar, golden, publishedValidator, setAt } from "./testing.ts";

/** The worked example with a layer put in the place of its own of that kind. */
function withLayer(layer: Record<string, unknown>) {
  const whole = exampleSidecar();
  const index = whole.layers.findLastIndex(({ kind }) => kind === layer.kind);
  whole.layers[index] = layer as (typeof whole.layers)[number];
  return { whole, index };
}

const typeOf = (kind: string) => `${kind[0]?.toUpperCase()}${kind.slice(1)}Layer`;

for (const kind of LAYER_KINDS) {
  test(`golden ${kind}: valid, alone and within a sidecar`, () => {
    assert.ok(sidecarLayers[kind].safeParse(golden(kind)).success);
    const { run: _run, ...byStage } = golden(kind);
    assert.ok(stageLayer[kind].safeParse(byStage).success);
    const validate = publishedValidator(typeOf(kind));
    assert.ok(validate(golden(kind)), JSON.stringify(validate.errors));
    assert.deepEqual(checkSidecar(withLayer(golden(kind)).whole), []);
  });

  test(`golden ${kind}: what a reader does not know comes back unchanged`, () => {
    assert.match(JSON.stringify(golden(kind)), /x_future/);
    assert.deepEqual(sidecarLayers[kind].parse(golden(kind)), golden(kind));
    const { whole, index } = withLayer(golden(kind));
    assert.deepEqual(sidecar.parse(whole).layers[index], golden(kind));
    assert.deepEqual(readSidecar(JSON.stringify(whole)).layers[index], golden(kind));
  });
}

/** What is put where in a golden layer, and the place that is then named. */
const broken: readonly [LayerKind, string, unknown, string?][] = [
  ["shots", "/version", 2],
  ["shots", "/version", undefined],
  ["shots", "/run", ""],
  ["shots", "/items", undefined],
  ["shots", "/items", {}],
  ["shots", "/items/0", "shot"],
  ["shots", "/items/0/id", undefined],
  ["shots", "/items/0/id", "x".repeat(129)],
  ["shots", "/items/0/start_ms", -1],
  ["shots", "/items/1/start_ms", 12.5],
  ["shots", "/items/1/end_ms", "15920"],
  ["shots", "/items/1/end_ms", 4_294_967_296],
  ["shots", "/items/1/start_pts", 0.5],
  ["shots", "/items/1/time_base/den", 0],
  ["shots", "/items/0/confidence", 1.01],
  ["scenes", "/items/0/shots", []],
  ["scenes", "/items/0/shots/0", 7],
  ["keyframes", "/items/0/image", undefined],
  ["keyframes", "/items/0/image/sha256", "ABC"],
  ["keyframes", "/items/0/image/size", -1],
  ["keyframes", "/items/0/width", 0],
  ["keyframes", "/items/0/luma", 256],
  ["transcript", "/items/0/text", ""],
  ["transcript", "/items/0/words/1/text", ""],
  ["transcript", "/items/0/words/1/confidence", -0.1],
  ["transcript", "/items/0/words/1/end_ms", undefined],
  ["transcript", "/language", 7],
  ["text", "/items/0/box", undefined],
  ["text", "/items/0/box/x", -0.01],
  ["text", "/items/1/polygon", [{ x: 0, y: 0 }]],
  ["text", "/items/1/polygon/2/y", 1.5],
  ["faces", "/items/0/group", ""],
  ["faces", "/items/0/vector", -1],
  ["faces", "/space/dimension", 0],
  ["faces", "/space/metric", "dot"],
  ["faces", "/tracks/media_type", ""],
  ["objects", "/items/0/label", ""],
  ["objects", "/items/0/count", 0],
  ["captions", "/items/0/text", undefined],
  ["embeddings", "/items/0/of", "film"],
  ["embeddings", "/items/0/vector", undefined],
  ["embeddings", "/vectors/size", 1.5],
];
for (const [kind, path, value] of broken) {
  test(`golden ${kind} with ${path} = ${JSON.stringify(value)?.slice(0, 40)} is refused there`, () => {
    const layer = setAt(golden(kind), path, value);
    const { whole, index } = withLayer(layer);
    const [issue] = checkSidecar(whole);
    assert.equal(issue?.path, `/layers/${index}${path}`);
    assert.equal(issue?.rule, "schema");
    assert.equal(sidecar.safeParse(whole).success, false);
    const validate = publishedValidator(typeOf(kind));
    assert.equal(validate(layer), false);
    // JSON Schema names the object that lacks a field, not the field.
    const places = (validate.errors ?? []).map(({ instancePath, params }) =>
      "missingProperty" in params ? `${instancePath}/${params.missingProperty}` : instancePath,
    );
    assert.ok(places.includes(path), `${path} is not among ${places}`);
  });
}

for (const kind of ["shotz", "loudness", "example.loudness", "Org.example.loudness", "org.example."]) {
  test(`a layer of kind ${kind} is refused at its kind`, () => {
    const whole = exampleSidecar();
    const index = whole.layers.findIndex((layer) => layer.kind === "org.example.loudness");
    setAt(whole, `/layers/${index}/kind`, kind);
    assert.equal(checkSidecar(whole)[0]?.path, `/layers/${index}/kind`);
    assert.equal(publishedValidator()(whole), false);
  });
}
