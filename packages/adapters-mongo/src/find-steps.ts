import type { FindQuery } from "@heimdex/ports";
import type { Filter, Sort } from "mongodb";
import { BY_ID, BY_SORT, BY_TERM_ID, BY_TERM_SORT } from "./indexes.ts";
import { type Stored, termKey } from "./stored.ts";

/** One query that a single index answers in order. */
export interface FindStep {
  readonly filter: Filter<Stored>;
  readonly sort: Sort;
  readonly hint: string;
}

/** The queries whose results, one behind the other, are those of `query`. Paging by sort key takes two, the rest of the documents with the same key
 * and those beyond it: as one with `$or` it would be left to the server's planner whether the index gives the order. */
export function findSteps({ term, by, descending, after }: FindQuery): [FindStep, ...FindStep[]] {
  const carried = term === undefined ? {} : { keys: termKey(term), terms: term };
  const beyond = descending ? "$lt" : "$gt";
  const order = descending ? -1 : 1;
  if (by !== "sort") {
    const hint = term === undefined ? BY_ID : BY_TERM_ID;
    const ids = after === undefined ? {} : { _id: { [beyond]: after.id } };
    return [{ filter: { ...carried, ...ids } as Filter<Stored>, sort: { _id: order }, hint }];
  }
  const hint = term === undefined ? BY_SORT : BY_TERM_SORT;
  const sort = { sort: order, _id: order } as const;
  if (after === undefined) return [{ filter: carried, sort, hint }];
  const key = after.sort as string;
  return [
    { filter: { ...carried, sort: key, _id: { [beyond]: after.id } } as Filter<Stored>, sort, hint },
    { filter: { ...carried, sort: { [beyond]: key } } as Filter<Stored>, sort, hint },
  ];
}
