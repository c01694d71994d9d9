import type { ErrorId, HeimdexError } from "@heimdex/errors";

const PASSING: readonly ErrorId[] = [
  "BLOB_UNAVAILABLE",
  "CANCELLED",
  "CATALOG_CLOSED",
  "CATALOG_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "DISK_FULL",
  "INDEX_CLOSED",
  "INDEX_FENCED",
  "INDEX_UNAVAILABLE",
  "UNAVAILABLE",
];

/** Whether the same may go well later: a store that is away, a full disk. Says nothing against the work itself. */
export function isPassing(error: HeimdexError): boolean {
  return PASSING.includes(error.id);
}
