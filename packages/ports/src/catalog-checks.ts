import { HeimdexError } from "@heimdex/errors";
import { COLLECTIONS, type FindQuery, MAX_DOCUMENT_BYTES, type WriteOp } from "./catalog.ts";

/** Bounds of the Catalog's interface, the same for every adapter. */
export const CATALOG_LIMITS = {
  /** Characters of an id. */
  id: 512,
  /** Terms of one document, and characters of one term. */
  terms: 256,
  term: 256,
  /** Characters of a sort key. */
  sort: 128,
  /** Ids of one `getMany`, operations of one `write`, documents of one `find`. */
  batch: 1000,
} as const;

const collections: ReadonlySet<string> = new Set(COLLECTIONS);

function invalid(message: string): HeimdexError {
  return new HeimdexError("CATALOG_QUERY_INVALID", message);
}

/** Half a surrogate pair has no UTF-8 form: two such texts would become one key. NUL cannot be stored by every database. */
function checkText(what: string, value: unknown, max: number, min = 0): void {
  if (typeof value !== "string") throw invalid(`${what} is no string`);
  if (value.length < min || value.length > max)
    throw invalid(`${what} has ${value.length} characters, not ${min}..${max}`);
  if (!value.isWellFormed()) throw invalid(`${what} is not well-formed Unicode`);
  if (value.includes("\0")) throw invalid(`${what} contains NUL`);
}

function checkVersion(version: unknown): void {
  if (!Number.isSafeInteger(version) || (version as number) < 0) throw invalid(`${version} is no version`);
}

/** @throws HeimdexError CATALOG_QUERY_INVALID */
export function checkCollection(collection: string): void {
  if (!collections.has(collection)) throw invalid(`there is no collection ${JSON.stringify(collection)}`);
}

/** @throws HeimdexError CATALOG_QUERY_INVALID */
export function checkIds(collection: string, ids: readonly string[]): void {
  checkCollection(collection);
  if (ids.length > CATALOG_LIMITS.batch) throw invalid(`${ids.length} ids are more than ${CATALOG_LIMITS.batch}`);
  for (const id of ids) checkText("an id", id, CATALOG_LIMITS.id, 1);
}

/** @throws HeimdexError CATALOG_QUERY_INVALID */
export function checkTerm(collection: string, term: string | undefined): void {
  checkCollection(collection);
  if (term !== undefined) checkText("a term", term, CATALOG_LIMITS.term);
}

/** @throws HeimdexError CATALOG_QUERY_INVALID */
export function checkFind(query: FindQuery): void {
  checkTerm(query.collection, query.term);
  if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > CATALOG_LIMITS.batch)
    throw invalid(`limit ${query.limit} is not 1..${CATALOG_LIMITS.batch}`);
  if (query.by !== undefined && query.by !== "id" && query.by !== "sort")
    throw invalid(`there is no order ${query.by}`);
  if (query.after === undefined) return;
  checkText("after.id", query.after.id, CATALOG_LIMITS.id, 1);
  if (query.by === "sort") checkText("after.sort", query.after.sort, CATALOG_LIMITS.sort);
}

/** Checks a batch before anything of it is written.
 * @returns the JSON of each body, so that nobody needs to make it twice; "" for deletes
 * @throws HeimdexError CATALOG_QUERY_INVALID, CATALOG_DOCUMENT_TOO_LARGE with the metadata `collection`, `id` and `bytes` */
export function checkWrites(ops: readonly WriteOp[]): string[] {
  if (ops.length > CATALOG_LIMITS.batch)
    throw invalid(`${ops.length} operations are more than ${CATALOG_LIMITS.batch}`);
  return ops.map((op) => {
    checkCollection(op.collection);
    checkText("an id", op.id, CATALOG_LIMITS.id, 1);
    if (op.op === "delete") {
      if (op.version !== undefined) checkVersion(op.version);
      return "";
    }
    if (op.op === "replace") checkVersion(op.version);
    else if (op.op !== "insert" && op.op !== "put") throw invalid(`there is no operation ${(op as WriteOp).op}`);
    checkText("a sort key", op.sort, CATALOG_LIMITS.sort);
    if (op.terms.length > CATALOG_LIMITS.terms)
      throw invalid(`${op.collection}/${op.id} has ${op.terms.length} terms, more than ${CATALOG_LIMITS.terms}`);
    for (const term of op.terms) checkText("a term", term, CATALOG_LIMITS.term);
    return encodeBody(op.collection, op.id, op.body);
  });
}

function encodeBody(collection: string, id: string, body: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(body);
  } catch (cause) {
    throw new HeimdexError("CATALOG_QUERY_INVALID", `the body of ${collection}/${id} is no JSON`, { cause });
  }
  if (json === undefined) throw invalid(`the body of ${collection}/${id} is no JSON`);
  // A UTF-16 unit takes at most 3 bytes, so most bodies need no counting.
  const bytes = json.length * 3 <= MAX_DOCUMENT_BYTES ? 0 : Buffer.byteLength(json);
  if (bytes > MAX_DOCUMENT_BYTES)
    throw new HeimdexError(
      "CATALOG_DOCUMENT_TOO_LARGE",
      `${collection}/${id} has ${bytes} bytes, more than ${MAX_DOCUMENT_BYTES}`,
      {
        metadata: { collection, id, bytes: String(bytes) },
      },
    );
  return json;
}
