import type { Catalog, Document, FindQuery } from "@heimdex/ports";

/** Largest answer, bytes: below gRPC's 4 MiB, with room for what comes around it. */
const MAX_PAGE_BYTES = 3 * 1024 * 1024;
/** Documents read at once. A document may have 256 KiB, so this bounds the memory of one call. */
const READ_AT_ONCE = 100;

export interface CatalogPage<B> {
  readonly documents: readonly Document<B>[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: { readonly id: string; readonly sort: string } | undefined;
}

/** Up to `size` documents that `keep` likes, in the query's order. */
export async function readPage<B>(
  catalog: Catalog,
  query: Omit<FindQuery, "limit">,
  size: number,
  keep: (body: B) => boolean,
): Promise<CatalogPage<B>> {
  const documents: Document<B>[] = [];
  let after = query.after;
  for (;;) {
    // One more than wanted tells whether there is another page.
    const limit = Math.min(READ_AT_ONCE, size - documents.length + 1);
    const found = await catalog.find<B>({ ...query, limit, ...(after === undefined ? {} : { after }) });
    for (const document of found) {
      after = { id: document.id, sort: document.sort };
      if (!keep(document.body)) continue;
      if (documents.length === size) return { documents, next: position(documents) };
      documents.push(document);
    }
    if (found.length < limit) return { documents, next: undefined };
  }
}

/** Cuts a page where it would exceed what one gRPC message may hold; at least one message stays. */
export function fitPage<B, M>(
  page: CatalogPage<B>,
  toMessage: (document: Document<B>) => M,
  bytesOf: (message: M) => number,
): { readonly messages: M[]; readonly next: CatalogPage<B>["next"] } {
  const messages: M[] = [];
  let bytes = 0;
  for (const document of page.documents) {
    const message = toMessage(document);
    bytes += bytesOf(message);
    if (bytes > MAX_PAGE_BYTES && messages.length > 0)
      return { messages, next: position(page.documents.slice(0, messages.length)) };
    messages.push(message);
  }
  return { messages, next: page.next };
}

function position(documents: readonly Document[]): { id: string; sort: string } | undefined {
  const last = documents.at(-1);
  return last === undefined ? undefined : { id: last.id, sort: last.sort };
}
