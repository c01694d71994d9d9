import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 100;

/** Holds the right to write into a model folder; a second taker waits. Node has no flock, but SQLite locks its file with
 * the system's byte-range locks, which end with the process, however it ends. Aborting rejects with the signal's reason. */
export async function takePullLock(folder: string, onWait: () => void, signal?: AbortSignal): Promise<Disposable> {
  await mkdir(folder, { recursive: true });
  const database = new DatabaseSync(join(folder, ".lock"));
  try {
    for (let waited = false; ; waited = true) {
      signal?.throwIfAborted();
      try {
        database.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
        return { [Symbol.dispose]: () => database.close() };
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      }
      if (!waited) onWait();
      await delay(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    database.close();
    throw error;
  }
}
const SQLITE_BUSY = 5;
