import { closeSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { HeimdexError } from "@heimdex/errors";

/** A log that has grown beyond this starts anew when it is next opened; the one before stays as `<name>.1`. */
const ROTATE_ABOVE_BYTES = 10 * 1024 * 1024;

/** A file that log lines are added to. They are written at once, so that the last words of a dying process are there; a full disk costs lines and
 * nothing else. Readable by its owner only: lines may name files. */
export class LogFile implements Disposable {
  readonly #file: number;
  #open = true;

  constructor(path: string, rotateAboveBytes = ROTATE_ABOVE_BYTES) {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > rotateAboveBytes) renameSync(path, `${path}.1`);
    this.#file = openSync(path, "a", 0o600);
  }

  write(chunk: string | Uint8Array): void {
    if (!this.#open) return;
    try {
      writeSync(this.#file, typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    } catch (reason) {
      if (HeimdexError.from(reason).id !== "DISK_FULL") throw reason;
    }
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#file);
    this.#open = false;
  }
}
