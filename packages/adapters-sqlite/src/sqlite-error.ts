import { HeimdexError } from "@heimdex/errors";

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html), the low byte of `errcode`. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;
/** The extended code for "no room for the shared memory file beside the database". */
const IOERR_SHMSIZE = 4874;

/** An error of SQLite as it comes from the worker thread. */
export interface SqliteFailure {
  readonly message: string;
  /** SQLite's extended result code. */
  readonly errcode?: number;
}

/** What went wrong in SQLite, as one of ours; the cause is kept. A HeimdexError stays itself. */
export function fromSqlite(reason: unknown, file: string): HeimdexError {
  if (reason instanceof HeimdexError) return reason;
  const { errcode } = reason as { errcode?: number };
  if (errcode === undefined) return HeimdexError.from(reason);
  const primary = errcode & 0xff;
  const cause = reason as Error;
  const metadata = { file, sqlite_code: String(errcode) };
  if (primary === FULL || errcode === IOERR_SHMSIZE)
    return new HeimdexError("DISK_FULL", `no room for the catalog ${file}`, { cause, metadata });
  const raise = (what: string, help?: string) =>
    new HeimdexError("CATALOG_UNAVAILABLE", `the catalog ${file} ${what}`, {
      cause,
      metadata,
      ...(help === undefined ? {} : { help }),
    });
  switch (primary) {
    case BUSY:
    case LOCKED:
      return raise("is kept locked by another process", "Wait, or stop the process that holds it.");
    case CORRUPT:
    case NOTADB:
      return raise(
        `is damaged, or no catalog at all (${cause.message})`,
        "Bring the file back from a backup, or move it and its -wal file away and index again: finished sidecars are not lost.",
      );
    case CANTOPEN:
    case READONLY:
      return raise(
        `cannot be opened for writing (${cause.message})`,
        "Check that the folder is there and may be written to.",
      );
    default:
      return raise(`failed: ${cause.message}`, "Check the disk it lies on.");
  }
}
