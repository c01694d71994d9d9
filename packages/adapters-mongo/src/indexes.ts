import { HeimdexError } from "@heimdex/errors";
import { COLLECTIONS } from "@heimdex/ports";
import type { Db } from "mongodb";
import { isNoCollection } from "./mongo-error.ts";

/** Names of the indexes that queries ask for. Every query is an equality, then at most one range, then the order, all within one of them. */
export const BY_ID = "_id_";
export const BY_SORT = "by_sort";
export const BY_TERM_ID = "by_term_id";
export const BY_TERM_SORT = "by_term_sort";

const INDEXES = {
  [BY_SORT]: { sort: 1, _id: 1 },
  [BY_TERM_ID]: { keys: 1, _id: 1 },
  [BY_TERM_SORT]: { keys: 1, sort: 1, _id: 1 },
} as const;

/** What makes an index hold less, or order otherwise, than the queries take for granted. */
const REFUSED = ["partialFilterExpression", "sparse", "unique", "hidden", "collation", "expireAfterSeconds"] as const;

/** Creates the collections and indexes that are missing, and checks those that are there. Any number of processes may do it at once.
 * @throws HeimdexError CATALOG_UNAVAILABLE for a collection or index that is not as it must be; the driver's own errors as they are */
export async function prepareCollections(db: Db): Promise<void> {
  const collections = new Map(
    (await db.listCollections({}, { nameOnly: false }).toArray()).map((found) => [found.name, found]),
  );
  await Promise.all(
    COLLECTIONS.map(async (name) => {
      const { collation } = collections.get(name)?.options ?? {};
      if (collation !== undefined) throw foreign(db, `the collection ${name} has the collation ${collation.locale}`);
      await prepareIndexes(db, name);
    }),
  );
}

async function prepareIndexes(db: Db, name: string): Promise<void> {
  const collection = db.collection(name);
  const stored = await collection.indexes().catch((reason) => {
    if (isNoCollection(reason)) return [];
    throw reason;
  });
  const there = new Map(stored.map((index) => [index.name, index]));
  for (const [index, key] of Object.entries(INDEXES)) {
    const found = there.get(index);
    if (found === undefined) await collection.createIndex(key, { name: index });
    // As text: the order of the fields matters.
    else if (JSON.stringify(found.key) !== JSON.stringify(key) || REFUSED.some((option) => found[option]))
      throw foreign(db, `the index ${index} of ${name} is not Heimdex's (${JSON.stringify(found)})`);
  }
}

function foreign(db: Db, what: string): HeimdexError {
  return new HeimdexError("CATALOG_UNAVAILABLE", `${what}, in the database ${db.databaseName}`, {
    metadata: { database: db.databaseName },
    help: "Give Heimdex a database of its own and let it create what it needs; or drop the index, and start again.",
  });
}
