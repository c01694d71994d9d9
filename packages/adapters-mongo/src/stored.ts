import { createHash } from "node:crypto";
import type { Document, WriteOp } from "@heimdex/ports";

/** A document as it lies in MongoDB. The body is JSON text: whatever is JSON comes back as it was, names with dots and dollar signs, `__proto__`,
 * lists of lists and numbers included, and no server has an opinion of it. What is searched is beside it. */
export interface Stored {
  readonly _id: string;
  readonly version: number;
  readonly terms: readonly string[];
  /** `termKey` of each term: what the indexes hold. */
  readonly keys: readonly string[];
  readonly sort: string;
  readonly body: string;
}

/** Short stand-ins of terms for the index: 256 terms may have 196 KB, and servers that keep MongoDB's documents in PostgreSQL index 2.7 KB of a
 * document at most. 30 bits of SHA-256; a query names the term as well, so a collision costs a look and changes no answer. */
export function termKey(term: string): string {
  return createHash("sha256").update(term).digest("base64url").slice(0, 5);
}

/** The fields that a write sets, but the version. */
export function fieldsOf(
  { terms, sort }: Exclude<WriteOp, { op: "delete" }>,
  body: string,
): Omit<Stored, "_id" | "version"> {
  return { terms: [...terms], keys: [...new Set(terms.map(termKey))], sort, body };
}

export function toDocument<B>({ _id, version, terms, sort, body }: Stored): Document<B> {
  return { id: _id, version, terms, sort, body: JSON.parse(body) as B };
}
