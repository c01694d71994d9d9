import { availableParallelism } from "node:os";

/** Threads of one pass: half the cores for batches, as speech, decoding and text in the picture run beside them; one for a query, which
 * is short. */
export function threadsFor(lane: "batch" | "query"): number {
  return lane === "query" ? 1 : Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));
}
