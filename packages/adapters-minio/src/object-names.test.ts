import assert from "node:assert/strict";
import { test } from "node:test";
import { blobName, documentName, uploadName } from "./object-names.ts";

const sha256 = "ab".repeat(32);

for (const [what, name, want] of [
  ["a blob", blobName({ tenant: "acme", sha256, size: 1 }), `acme/cas/sha256/ab/${sha256}`],
  ["an upload", uploadName({ tenant: "acme", attempt: "le_1", n: 3 }), "acme/uploads/le_1/3"],
  ["a sidecar", documentName("acme", "sidecars/a_1/7.json"), "acme/sidecars/a_1/7.json"],
  ["another document", documentName("acme", "exports/film.srt"), "acme/named/exports/film.srt"],
  ["a document named like a blob", documentName("acme", "cas/sha256/aa/x"), "acme/named/cas/sha256/aa/x"],
] as const)
  test(`${what} lies at ${want}`, () => assert.equal(name, want));
