import assert from "node:assert/strict";
import { test } from "node:test";
import type { FindQuery } from "@heimdex/ports";
import { findSteps } from "./find-steps.ts";
import { termKey } from "./stored.ts";

const carrying = { keys: termKey("t"), terms: "t" };

for (const [name, query, want] of [
  ["all", {}, [{ filter: {}, sort: { _id: 1 }, hint: "_id_" }]],
  [
    "backwards, behind an id",
    { descending: true, after: { id: "x" } },
    [{ filter: { _id: { $lt: "x" } }, sort: { _id: -1 }, hint: "_id_" }],
  ],
  [
    "with a term, behind an id",
    { term: "t", after: { id: "x" } },
    [{ filter: { ...carrying, _id: { $gt: "x" } }, sort: { _id: 1 }, hint: "by_term_id" }],
  ],
  ["by sort key", { by: "sort" }, [{ filter: {}, sort: { sort: 1, _id: 1 }, hint: "by_sort" }]],
  [
    "with a term, by sort key, backwards, behind a document",
    { term: "t", by: "sort", descending: true, after: { id: "x", sort: "s" } },
    [
      { filter: { ...carrying, sort: "s", _id: { $lt: "x" } }, sort: { sort: -1, _id: -1 }, hint: "by_term_sort" },
      { filter: { ...carrying, sort: { $lt: "s" } }, sort: { sort: -1, _id: -1 }, hint: "by_term_sort" },
    ],
  ],
] as const) {
  test(`one index answers each query in its order, without skipping: ${name}`, () => {
    assert.deepEqual(findSteps({ collection: "jobs", limit: 1, ...query } as FindQuery), want);
  });
}
