import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { openConnection } from "./connection.ts";
import { OpWriter } from "./op-writer.ts";
import type { SqliteFailure } from "./sqlite-error.ts";
import { FIELDS, type FlatOps } from "./write-ops.ts";

/** What the thread is started with. */
export interface WorkerInput {
  readonly file: string;
  readonly busyTimeoutMs: number;
  readonly maxBytes: number;
}

/** Calls of one turn of the event loop: `counts` says how many of `ops` belong to each. "close" ends the thread after all before it. */
export type WorkerRequest = { readonly counts: readonly number[]; readonly ops: FlatOps } | "close";

/** Answers calls in the order they came. `results` holds two numbers for each operation of each call that did not fail. */
export type WorkerReply =
  | { readonly kind: "opened" }
  | { readonly kind: "refused"; readonly error: SqliteFailure }
  | {
      readonly kind: "done";
      readonly calls: number;
      readonly results: number[];
      /** By the call's place in this reply. */
      readonly errors: readonly (readonly [call: number, error: SqliteFailure])[];
    };

/** Operations after which a transaction takes no more calls in: bounds what one caller waits for others. */
const MAX_FOLDED = 2000;

const { file, busyTimeoutMs, maxBytes } = workerData as WorkerInput;
const port = parentPort;
if (port === null) throw new Error("catalog-worker.ts runs as a worker thread only");
const reply = (message: WorkerReply) => port.postMessage(message);

/** An error without what makes copying it between threads fail or lose its code. */
function failure(error: unknown): SqliteFailure {
  const { message, errcode } = error as Error & { errcode?: number };
  return { message, ...(errcode === undefined ? {} : { errcode }) };
}

try {
  serve();
  reply({ kind: "opened" });
} catch (error) {
  reply({ kind: "refused", error: failure(error) });
  port.close();
}

function serve(): void {
  const db = openConnection(file, busyTimeoutMs, maxBytes);
  const writer = new OpWriter(db);

  /** One transaction; rolled back as a whole when anything of it fails. */
  const commit = (ops: FlatOps, from: number, to: number): number[] => {
    const results: number[] = [];
    try {
      db.exec("BEGIN IMMEDIATE");
      for (let i = from; i < to; i++) writer.apply(ops, i, results);
      db.exec("COMMIT");
      return results;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  };

  const write = (counts: readonly number[], ops: FlatOps): WorkerReply => {
    try {
      return { kind: "done", calls: counts.length, results: commit(ops, 0, ops.length / FIELDS), errors: [] };
    } catch (error) {
      if (counts.length === 1) return { kind: "done", calls: 1, results: [], errors: [[0, failure(error)]] };
    }
    // A call that cannot be stored must fail alone, though it shared a transaction: each gets one of its own. No savepoints, as every call
    // would pay for them.
    const results: number[] = [];
    const errors: [number, SqliteFailure][] = [];
    let from = 0;
    for (const [call, count] of counts.entries()) {
      try {
        for (const value of commit(ops, from, from + count)) results.push(value);
      } catch (error) {
        errors.push([call, failure(error)]);
      }
      from += count;
    }
    return { kind: "done", calls: counts.length, results, errors };
  };

  port?.on("message", (first: WorkerRequest) => {
    let request: WorkerRequest | undefined = first;
    while (request !== undefined && request !== "close") {
      const counts = [...request.counts];
      const { ops } = request;
      request = next();
      // Group commit: what came while the last transaction ran goes into this one.
      while (request !== undefined && request !== "close" && ops.length < MAX_FOLDED * FIELDS) {
        for (const count of request.counts) counts.push(count);
        for (const value of request.ops) ops.push(value);
        request = next();
      }
      reply(write(counts, ops));
    }
    if (request === "close") {
      db.close();
      port.close();
    }
  });

  function next(): WorkerRequest | undefined {
    return port === null ? undefined : receiveMessageOnPort(port)?.message;
  }
}
