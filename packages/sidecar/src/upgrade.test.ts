import assert from "node:assert/strict";
import { test } from "node:test";
import { type Raw, type Upgraders, upgrade } from "./upgrade.ts";

const upgraders: Upgraders = {
  documents: {
    1: ({ name, ...rest }) => ({ ...rest, title: name, schema_version: "2.0.0" }),
    2: (document) => ({ ...document, schema_version: "3.0.0", steps: 2 }),
  },
  layers: {
    "shots@1": ({ frames, ...layer }) => ({ ...layer, version: 2, items: frames }),
    "shots@2": (layer) => ({ ...layer, version: 3 }),
  },
};
const old: Raw = {
  schema_version: "1.4.0",
  name: "Harbour",
  unknown: { kept: true },
  layers: [
    { kind: "shots", version: 1, frames: [1, 2], note: "kept" },
    { kind: "text", version: 1 },
    { kind: "shots", version: 9 },
  ],
};

test("upgrade: every step between is taken, and what is unknown stays", () => {
  const before = structuredClone(old);
  assert.deepEqual(upgrade(old, 3, upgraders), {
    schema_version: "3.0.0",
    title: "Harbour",
    steps: 2,
    unknown: { kept: true },
    layers: [
      { kind: "shots", version: 3, items: [1, 2], note: "kept" },
      { kind: "text", version: 1 },
      { kind: "shots", version: 9 },
    ],
  });
  assert.deepEqual(old, before, "the document that was given is left alone");
});

test("upgrade: where no upgrader leads there is nothing", () => {
  assert.equal(upgrade(old, 4, upgraders), undefined);
  assert.equal(upgrade({ ...old, schema_version: "4.0.0" }, 3, upgraders), undefined);
  assert.equal(upgrade({ ...old, schema_version: "new" }, 3, upgraders), undefined);
});

test("upgrade: what is new enough comes back as it is", () => {
  const document = { schema_version: "3.1.0", layers: [{ kind: "text", version: 1 }] };
  assert.equal(upgrade(document, 3, upgraders), document);
});

test("upgrade: layers that are none are left for the schema to refuse", () => {
  assert.deepEqual(upgrade({ schema_version: "3.0.0", layers: [null, 7] }, 3, upgraders)?.layers, [null, 7]);
  assert.deepEqual(upgrade({ schema_version: "3.0.0" }, 3, upgraders), { schema_version: "3.0.0" });
});
