import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

/** A lock of the operating system on a file: gone with its process, however that ends. Node has no call for it; SQLite's own locks are such. */
export class FileLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Tries once. Exclusive: alone. Shared: with other shared ones. Undefined when somebody else's lock is in the way. */
  static try(path: string, kind: "exclusive" | "shared"): FileLock | undefined {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      if (kind === "exclusive") database.exec("BEGIN EXCLUSIVE");
      else database.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
      return new FileLock(database);
    } catch (reason) {
      database.close();
      if ((reason as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
      throw reason;
    }
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
const SQLITE_BUSY = 5;

/** Who hosts a data directory, and who uses that host. A host leaves only when nobody is attached; whoever comes while it leaves becomes the next host. */
export class HostLock {
  readonly #hostPath: string;
  readonly #attachPath: string;

  constructor(runFolder: string) {
    this.#hostPath = join(runFolder, "host.lock");
    this.#attachPath = join(runFolder, "attached.lock");
  }

  /** Waits while a host is leaving. */
  async attach(signal: AbortSignal): Promise<FileLock> {
    return this.#wait(this.#attachPath, "shared", signal);
  }

  /** The right to host; undefined while somebody else has it. */
  tryHost(): FileLock | undefined {
    return FileLock.try(this.#hostPath, "exclusive");
  }

  /** Waits until nobody is attached, and keeps newcomers out until disposed.
   * @param onWait called once when somebody is */
  async waitUntilAlone(signal: AbortSignal, onWait?: () => void): Promise<FileLock> {
    const alone = FileLock.try(this.#attachPath, "exclusive");
    if (alone !== undefined) return alone;
    onWait?.();
    return this.#wait(this.#attachPath, "exclusive", signal);
  }

  async #wait(path: string, kind: "exclusive" | "shared", signal: AbortSignal): Promise<FileLock> {
    for (;;) {
      const lock = FileLock.try(path, kind);
      if (lock !== undefined) return lock;
      await delay(50, undefined, { signal }); // an OS lock cannot be awaited
    }
  }
}
