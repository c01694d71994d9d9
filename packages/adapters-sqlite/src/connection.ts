import { DatabaseSync } from "node:sqlite";

/** Opens a file that `prepareFile` has seen, for writing.
 * @param busyTimeoutMs how long a transaction waits for another process's
 * @param maxBytes most bytes of the file; 0: no limit */
export function openConnection(file: string, busyTimeoutMs: number, maxBytes: number): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: busyTimeoutMs });
  // A checkpoint syncs twice more: at 8 KiB a page this makes one for each 16 MiB written. After a burst the WAL is cut back to 64 MiB.
  db.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864");
  db.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY");
  if (maxBytes > 0) {
    const { page_size: pageSize } = db.prepare("PRAGMA page_size").get() as { page_size: number };
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`);
  }
  return db;
}

/** Opens a file that `prepareFile` has seen, for reading only. */
export function openReader(file: string, busyTimeoutMs: number): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
  db.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY");
  return db;
}
