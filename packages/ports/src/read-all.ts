import type { Catalog, Document, FindQuery } from "./catalog.ts";

/** Documents read at once. A document may have 256 KiB, so this bounds the memory it takes. */
const READ_AT_ONCE = 100;

/** Every document of a query, in its order, some at a time. What is written meanwhile behind the place reached is seen. */
export async function* readAll<B>(
  catalog: Catalog,
  query: Omit<FindQuery, "limit" | "after">,
): AsyncGenerator<Document<B>> {
  let after: FindQuery["after"];
  for (;;) {
    const found = await catalog.find<B>({ ...query, limit: READ_AT_ONCE, ...(after === undefined ? {} : { after }) });
    yield* found;
    const last = found.at(-1);
    if (found.length < READ_AT_ONCE || last === undefined) return;
    after = { id: last.id, sort: last.sort };
  }
}
