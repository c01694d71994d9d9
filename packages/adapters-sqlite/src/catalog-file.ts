import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HeimdexError } from "@heimdex/errors";

/** Version of the tables, in `PRAGMA user_version`. */
export const SCHEMA_VERSION = 1;
/** `PRAGMA application_id`: "HDXC" in ASCII, so that a foreign database is not taken for a catalog. */
const APPLICATION_ID = 0x48445843;

// docs is a rowid table: a WITHOUT ROWID table would push every body above a quarter page into overflow pages. `terms` of docs repeats what
// the table terms holds, so that one row answers `get`, and a write whose terms and sort stay the same touches no other table.
const SCHEMA = `
CREATE TABLE docs (
  collection TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  sort TEXT NOT NULL,
  terms TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (collection, id)
) STRICT;
CREATE INDEX docs_by_sort ON docs (collection, sort, id);
CREATE TABLE terms (
  collection TEXT NOT NULL,
  term TEXT NOT NULL,
  sort TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (collection, term, sort, id)
) STRICT, WITHOUT ROWID;
`;

/** Creates the folder the file lies in, durably. */
export async function createFolderOf(file: string): Promise<void> {
  const folder = dirname(resolve(file));
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  // A new folder survives power loss once the folder that lists it is synced.
  for (let made = folder; ; made = dirname(made)) {
    const handle = await open(dirname(made), "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (made === first || made === dirname(made)) return;
  }
}

/** Opens the file for writing, creates the tables when there are none, and refuses what is no catalog of ours.
 * @param busyTimeoutMs how long to wait for another process's transaction
 * @param maxBytes most bytes of the file; 0: no limit
 * @throws HeimdexError DATA_VERSION_NEWER, CATALOG_UNAVAILABLE; SQLite's own errors as they are */
export function openWriter(file: string, busyTimeoutMs: number, maxBytes: number): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    checkVersion(db, file);
    db.exec("PRAGMA page_size = 8192");
    const mode = (db.prepare("PRAGMA journal_mode = WAL").get() as { journal_mode: string }).journal_mode;
    if (mode !== "wal")
      throw new HeimdexError("CATALOG_UNAVAILABLE", `${file} lies on a file system without what SQLite's WAL needs`, {
        help: "Put the data directory on a local disk.",
      });
    // Checkpoints sync twice more; at 8 KiB a page this is one for each 16 MiB written. The WAL is cut back after a burst.
    db.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864");
    db.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY");
    createTables(db, file);
    if (maxBytes > 0) {
      const { page_size: pageSize } = db.prepare("PRAGMA page_size").get() as { page_size: number };
      db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens a catalog that `openWriter` has opened before, for reading only. */
export function openReader(file: string, busyTimeoutMs: number): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  db.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA query_only = 1");
  return db;
}

function checkVersion(db: DatabaseSync, file: string): number {
  const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  const { application_id: application } = db.prepare("PRAGMA application_id").get() as { application_id: number };
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
  if (application !== APPLICATION_ID && (tables > 0 || version > 0))
    throw new HeimdexError("CATALOG_UNAVAILABLE", `${file} is a SQLite database, but no catalog of Heimdex`, {
      help: "Choose another data directory, or move that file away.",
    });
  if (version > SCHEMA_VERSION)
    throw new HeimdexError(
      "DATA_VERSION_NEWER",
      `${file} has schema version ${version}; this Heimdex knows ${SCHEMA_VERSION} at most`,
      { metadata: { file, found: String(version), known: String(SCHEMA_VERSION) } },
    );
  return version;
}

/** In one transaction, so that two processes that open a new file at once agree and a kill leaves all or nothing. */
function createTables(db: DatabaseSync, file: string): void {
  if (checkVersion(db, file) === SCHEMA_VERSION) return;
  db.exec("BEGIN IMMEDIATE");
  if (checkVersion(db, file) < SCHEMA_VERSION)
    db.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  db.exec("COMMIT");
}
