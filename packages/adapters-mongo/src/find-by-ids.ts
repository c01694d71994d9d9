import type { Collection, FindOptions } from "mongodb";
import type { Stored } from "./stored.ts";

/** So many documents are read by a command each, side by side: as quick as one for all of them, and servers that keep MongoDB's documents in PostgreSQL
 * read a whole collection to answer `$in`. */
const READS_AT_ONCE = 32;

/** @param ids without repetition
 * @param send runs one command within the time it may take
 * @returns those that there are, in no order */
export async function findByIds(
  collection: Collection<Stored>,
  ids: readonly string[],
  options: FindOptions,
  send: <T>(command: () => Promise<T>) => Promise<T>,
): Promise<Stored[]> {
  if (ids.length > READS_AT_ONCE)
    return send(() => collection.find({ _id: { $in: [...ids] } }, { ...options, batchSize: ids.length }).toArray());
  const found = await Promise.all(ids.map((_id) => send(() => collection.findOne({ _id }, options))));
  return found.filter((stored) => stored !== null);
}
