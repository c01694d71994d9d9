import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions } from "./compare-versions.ts";

const ASCENDING = [
  "0.9.0",
  "1.0.0-1",
  "1.0.0-2",
  "1.0.0-11",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1",
  "1.9.0",
  "1.10.0",
  "2.0.0",
];

test("versions are ordered as semver.org has it", () => {
  for (const [at, a] of ASCENDING.entries())
    for (const [other, b] of ASCENDING.entries())
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(at - other), `${a} and ${b}`);
});

test("build metadata says nothing", () => {
  assert.equal(compareVersions("1.0.0+one", "1.0.0+two.3"), 0);
  assert.equal(compareVersions("1.0.0-rc.1+one", "1.0.0-rc.1"), 0);
});
