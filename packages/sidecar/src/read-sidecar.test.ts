import assert from "node:assert/strict";
import { test } from "node:test";
import { layersOf } from "./layers.ts";
import { readSidecar } from "./read-sidecar.ts";
import { SidecarUnreadable, type UnreadableReason } from "./sidecar-unreadable.ts";
import { exampleSidecar, setAt } from "./testing.ts";

test("readSidecar: text and value give the same", () => {
  assert.deepEqual(readSidecar(JSON.stringify(exampleSidecar())), readSidecar(exampleSidecar()));
});

test("readSidecar: a later minor version is read, and what is new in it kept", () => {
  const later = {
    ...exampleSidecar(),
    schema_version: "1.7.2",
    mood: { calm: 0.7 },
    layers: [
      ...exampleSidecar().layers,
      { kind: "speakers", version: 1, run: "run_asr.transcribe", items: [{ voice: 3 }] },
      { kind: "shots", version: 2, run: "run_media.analyze", items: [{ from: 0, to: 1 }], by: "scene" },
    ],
  };
  const read = readSidecar(JSON.stringify(later));
  assert.deepEqual(read, later);
  assert.deepEqual(layersOf(read, "shots"), layersOf(exampleSidecar(), "shots"), "version 2 would be misread");
  assert.equal(layersOf(read, "transcript").length, 2);
});

const unreadable: readonly [string, unknown, UnreadableReason, RegExp][] = [
  ["no JSON", "{", "NOT_JSON", /no JSON/],
  ["empty text", "", "NOT_JSON", /no JSON/],
  ["a list", [], "NOT_A_SIDECAR", /no sidecar/],
  ["null", null, "NOT_A_SIDECAR", /no sidecar/],
  ["another document", { schema: "https://example.org/other", schema_version: "1.0.0" }, "NOT_A_SIDECAR", /no sidecar/],
  [
    "a newer major version",
    { ...exampleSidecar(), schema_version: "2.0.0", layers: {} },
    "NEWER",
    /2\.0\.0.*reads 1\.x/,
  ],
  ["a version that is none", { ...exampleSidecar(), schema_version: "one" }, "INVALID", /\/schema_version/],
  ["a version before the first", { ...exampleSidecar(), schema_version: "0.9.0" }, "INVALID", /\/schema_version/],
  [
    "a broken field",
    setAt(exampleSidecar(), "/layers/1/items/0/start_ms", -1),
    "INVALID",
    /\/layers\/1\/items\/0\/start_ms/,
  ],
  [
    "a version of a kind that this minor has not",
    setAt(exampleSidecar(), "/layers/1/version", 2),
    "INVALID",
    /\/layers\/1\/version/,
  ],
];
for (const [fact, json, reason, message] of unreadable) {
  test(`readSidecar refuses ${fact}`, () => {
    assert.throws(
      () => readSidecar(json),
      (error) =>
        error instanceof SidecarUnreadable &&
        error instanceof TypeError &&
        error.reason === reason &&
        message.test(error.message),
    );
  });
}

test("readSidecar: the error tells every place", () => {
  const bad = setAt(setAt(exampleSidecar(), "/layers/1/items/0/start_ms", -1), "/layers/2/items/0/width", 0);
  assert.throws(
    () => readSidecar(bad),
    (error) => {
      assert.ok(error instanceof SidecarUnreadable);
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        ["/layers/1/items/0/start_ms", "/layers/2/items/0/width"],
      );
      return /and 1 more/.test(error.message);
    },
  );
});

test("readSidecar: what does not fit its meaning but its schema is read", () => {
  assert.ok(readSidecar(setAt(exampleSidecar(), "/layers/1/items/0/end_ms", 0)));
});
