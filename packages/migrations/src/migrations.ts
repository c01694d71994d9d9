import type { Catalog } from "@heimdex/ports";

/** Brings all documents from one form to the next. It may be killed at any point and is run again then, so what it did already must not hurt it;
 * and services of the version before may still be at work on the same documents. */
export interface Migration {
  /** For the log. */
  readonly name: string;
  run(catalog: Catalog, signal: AbortSignal): Promise<void>;
}

/** The first brings documents of form 1, the oldest, to form 2, and so on. Only ever appended to. */
export const MIGRATIONS: readonly Migration[] = [];
