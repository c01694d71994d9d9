import assert from "node:assert/strict";
import { test } from "node:test";
import { mayServe, type SpaceRecord, seeSpace, spaceProgress, spaceTerms, switchSpace } from "./space-record.ts";

const seen = (space: string) => ({
  tenant: "t",
  kind: "text" as const,
  space,
  model: `m-${space}`,
  maker: `by-${space}`,
});
const wanted = { isWanted: true, isHeld: false };
const serving = seeSpace(undefined, seen("a"), { isWanted: false, isHeld: false }, 1);
const filling = seeSpace(serving, seen("b"), wanted, 2);
const names = ({ serving, filling, leaving }: SpaceRecord) => [
  serving.space,
  filling?.space,
  leaving.map(({ space }) => space).join(),
];

for (const [name, record, want] of [
  ["the first serves, whoever made it", serving, ["a", undefined, ""]],
  ["another one is filled", filling, ["a", "b", ""]],
  ["again: nothing new", seeSpace(filling, seen("b"), wanted, 3), ["a", "b", ""]],
  [
    "a job planned before ends late",
    seeSpace(filling, seen("a"), { isWanted: false, isHeld: true }, 3),
    ["a", "b", ""],
  ],
  ["a third one takes the place of the second", seeSpace(filling, seen("c"), wanted, 3), ["a", "c", "b"]],
  ["back to the serving one", seeSpace(filling, seen("a"), wanted, 3), ["a", undefined, "b"]],
  ["switched over", switchSpace(filling, 3), ["b", undefined, "a"]],
  ["nothing to switch to", switchSpace(serving, 3), ["a", undefined, ""]],
] as const) {
  test(`spaces: ${name}`, () => assert.deepEqual(names(record), want));
}

test("a space that was held before is filled from sidecars again", () => {
  assert.equal(filling.filling?.refill, false);
  assert.equal(seeSpace(serving, seen("b"), { isWanted: true, isHeld: true }, 2).filling?.refill, true);
});

test("progress counts what an asset's spaces say, each asset once", async () => {
  const assets = [
    { vectors: ["a"], ran: ["a"], failed: [] },
    { vectors: ["a", "b"], ran: ["b"], failed: [] },
    { vectors: ["a"], ran: ["b"], failed: [] }, // the new model found nothing to say
    { vectors: ["a"], ran: [], failed: ["by-b"] },
    { vectors: ["a"], ran: [], failed: ["by-z"] }, // another model failed there
    { vectors: ["b"], ran: ["b"], failed: [] }, // came in meanwhile
  ];
  const terms = assets.map((asset) => spaceTerms("t", asset));
  const count = async (term: string) => terms.filter((own) => own.includes(term)).length;
  assert.deepEqual(await spaceProgress(filling, count), { done: 2, toDo: 2, failed: 1 });
  assert.deepEqual(await spaceProgress(serving, count), { done: 5, toDo: 0, failed: 0 });
});

for (const [done, toDo, failed, want] of [
  [3, 0, 0, true],
  [3, 1, 0, false],
  [1, 0, 1, true],
  [1, 0, 2, false],
  [0, 0, 0, true],
] as const) {
  test(`mayServe: ${done} done, ${toDo} to do, ${failed} failed: ${want}`, () =>
    assert.equal(mayServe({ done, toDo, failed }), want));
}
