import type { WriteOp, WriteResult } from "@heimdex/ports";
import { type Collection, type Db, MongoBulkWriteError } from "mongodb";
import { findByIds } from "./find-by-ids.ts";
import { isDuplicateKey } from "./mongo-error.ts";
import { fieldsOf, type Stored } from "./stored.ts";

/** Commands of one batch under way at a time: enough to share the server's syncs to disk, few enough to leave connections to others. */
const COMMANDS_AT_ONCE = 32;
/** Two upserts of one new document may both try to insert it; the loser finds it at the next try. Each further one needs a delete between. */
const PUT_TRIES = 10;

/** An operation with its place in the batch and the JSON of its body. */
interface Item {
  readonly op: WriteOp;
  readonly at: number;
  readonly body: string;
}

/** Cuts a batch where its order matters: each run holds operations of one collection on different documents. */
export function runsOf(ops: readonly WriteOp[], bodies: readonly string[]): Item[][] {
  const runs: Item[][] = [];
  const ids = new Set<string>();
  for (const [at, op] of ops.entries()) {
    const run = runs.at(-1);
    const item = { op, at, body: bodies[at] as string };
    if (run !== undefined && run[0]?.op.collection === op.collection && !ids.has(op.id)) run.push(item);
    else {
      ids.clear();
      runs.push([item]);
    }
    ids.add(op.id);
  }
  return runs;
}

/** Applies batches, each operation as one write of one document. The server says of a bulk of updates only how many documents it matched, which
 * leaves open who lost a compare-and-set: so every update is a command of its own, and a run's commands go out side by side. */
export class OpWriter {
  readonly #db: () => Db;
  readonly #send: <T>(command: () => Promise<T>) => Promise<T>;

  /** @param send runs one command within the time it may take */
  constructor(db: () => Db, send: <T>(command: () => Promise<T>) => Promise<T>) {
    this.#db = db;
    this.#send = send;
  }

  /** @returns results in the order of the operations. When it rejects, operations up to those beside the one that failed may have been applied. */
  async apply(ops: readonly WriteOp[], bodies: readonly string[]): Promise<WriteResult[]> {
    const results: WriteResult[] = new Array(ops.length);
    for (const run of runsOf(ops, bodies)) {
      const collection = this.#db().collection<Stored>((run[0] as Item).op.collection);
      const versions = await this.#applyRun(collection, run);
      const lost = run.filter(({ at }) => !versions.has(at));
      const stored = await this.#storedVersions(collection, lost);
      for (const [at, version] of versions) results[at] = { ok: true, version };
      for (const { at, op } of lost) results[at] = { ok: false, version: stored.get(op.id) ?? 0 };
    }
    return results;
  }

  /** @returns the new versions of what was applied, by place in the batch */
  async #applyRun(collection: Collection<Stored>, run: readonly Item[]): Promise<Map<number, number>> {
    const versions = new Map<number, number>();
    const inserts = run.filter(({ op }) => op.op === "insert");
    const isBulk = inserts.length > 1;
    if (isBulk) {
      const taken = await this.#insertMany(collection, inserts);
      for (const [index, { at }] of inserts.entries()) if (!taken.has(index)) versions.set(at, 1);
    }
    const single = isBulk ? run.filter(({ op }) => op.op !== "insert") : run;
    for (let from = 0; from < single.length; from += COMMANDS_AT_ONCE) {
      const outcomes = await Promise.allSettled(
        single.slice(from, from + COMMANDS_AT_ONCE).map(async (item) => {
          const version = await this.#applyOne(collection, item);
          if (version !== undefined) versions.set(item.at, version);
        }),
      );
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    }
    return versions;
  }

  /** @returns the new version; undefined when the condition did not hold */
  async #applyOne(collection: Collection<Stored>, { op, body }: Item): Promise<number | undefined> {
    const _id = op.id;
    switch (op.op) {
      case "insert":
        try {
          await this.#send(() => collection.insertOne(newDocument(op, body)));
          return 1;
        } catch (reason) {
          if (isDuplicateKey(reason)) return undefined;
          throw reason;
        }
      case "replace": {
        const version = op.version + 1;
        const update = { $set: { version, ...fieldsOf(op, body) } };
        const { matchedCount } = await this.#send(() => collection.updateOne({ _id, version: op.version }, update));
        return matchedCount === 1 ? version : undefined;
      }
      case "put":
        return this.#put(collection, op, body);
      case "delete": {
        const { version } = op;
        const filter = version === undefined ? { _id } : { _id, version };
        const { deletedCount } = await this.#send(() => collection.deleteOne(filter));
        return deletedCount === 1 || version === undefined ? 0 : undefined;
      }
    }
  }

  async #put(collection: Collection<Stored>, op: WriteOp & { readonly op: "put" }, body: string): Promise<number> {
    const update = { $set: fieldsOf(op, body), $inc: { version: 1 } };
    for (let left = PUT_TRIES; ; left--) {
      try {
        // The document before: it is not there, and so not sent, when the put creates it.
        const before = await this.#send(() =>
          collection.findOneAndUpdate({ _id: op.id }, update, { upsert: true, returnDocument: "before" }),
        );
        return (before?.version ?? 0) + 1;
      } catch (reason) {
        if (left <= 1 || !isDuplicateKey(reason)) throw reason;
      }
    }
  }

  /** @returns places within `items` whose id was taken */
  async #insertMany(collection: Collection<Stored>, items: readonly Item[]): Promise<Set<number>> {
    const documents = items.map(({ op, body }) => newDocument(op as WriteOp & { readonly op: "insert" }, body));
    try {
      await this.#send(() => collection.insertMany(documents, { ordered: false }));
      return new Set();
    } catch (reason) {
      if (!(reason instanceof MongoBulkWriteError) || reason.result.getWriteConcernError() !== undefined) throw reason;
      const errors = reason.result.getWriteErrors();
      if (errors.length === 0 || !errors.every(isDuplicateKey)) throw reason;
      return new Set(errors.map(({ index }) => index));
    }
  }

  /** Versions now stored, by id. Read as the server has them, confirmed by a majority or not: what made a condition fail must be seen. */
  async #storedVersions(collection: Collection<Stored>, items: readonly Item[]): Promise<Map<string, number>> {
    const ids = items.map(({ op }) => op.id);
    const options = { projection: { version: 1 }, readConcern: { level: "local" } } as const;
    const found = await findByIds(collection, ids, options, this.#send);
    return new Map(found.map(({ _id, version }) => [_id, version]));
  }
}

function newDocument(op: WriteOp & { readonly op: "insert" }, body: string): Stored {
  return { _id: op.id, version: 1, ...fieldsOf(op, body) };
}
