import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HeimdexError } from "@heimdex/errors";

/** Version of the tables, in `PRAGMA user_version`. */
export const SCHEMA_VERSION = 1;
const PAGE_BYTES = 8192;
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

/** Creates the tables when there are none, and refuses a file that is no catalog of ours. Leaves nothing open.
 * @param busyTimeoutMs how long to wait for another process's transaction
 * @throws HeimdexError DATA_VERSION_NEWER, CATALOG_UNAVAILABLE; SQLite's own errors as they are */
export function prepareFile(file: string, busyTimeoutMs: number): void {
  const db = new DatabaseSync(file, { timeout: busyTimeoutMs });
  try {
    if (checkVersion(db, file) === SCHEMA_VERSION) return;
    // Takes effect on an empty file only. Bodies are a few KiB: two or three share a page.
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    const { journal_mode: mode } = db.prepare("PRAGMA journal_mode = WAL").get() as { journal_mode: string };
    if (mode !== "wal")
      throw new HeimdexError("CATALOG_UNAVAILABLE", `${file} lies on a file system without what SQLite's WAL needs`, {
        help: "Put the data directory on a local disk.",
      });
    db.exec("PRAGMA synchronous = FULL");
    createTables(db, file);
  } finally {
    db.close();
  }
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
  db.exec("BEGIN IMMEDIATE");
  if (checkVersion(db, file) < SCHEMA_VERSION)
    db.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  db.exec("COMMIT");
}
