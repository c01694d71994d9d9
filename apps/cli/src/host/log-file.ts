import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { HeimdexError } from "@heimdex/errors";

/** A log that has grown beyond this starts anew; the one before stays as `<name>.1`. */
const ROTATE_ABOVE_BYTES = 10 * 1024 * 1024;

/** A file that log lines are added to. They are written at once, so that the last words of a dying process are there; a full disk costs lines and
 * nothing else. With the one before it takes at most about twice the size at which it starts anew, whoever floods it. Readable by its owner only: lines
 * may name files. */
export class LogFile implements Disposable {
  readonly #path: string;
  readonly #rotateAboveBytes: number;
  #file: number;
  #bytes: number;
  #open = true;

  constructor(path: string, rotateAboveBytes = ROTATE_ABOVE_BYTES) {
    this.#path = path;
    this.#rotateAboveBytes = rotateAboveBytes;
    this.#file = openSync(path, "a", 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  write(chunk: string | Uint8Array): void {
    if (!this.#open) return;
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    try {
      if (this.#bytes > this.#rotateAboveBytes) this.#rotate();
      writeSync(this.#file, bytes);
      this.#bytes += bytes.byteLength;
    } catch (reason) {
      if (HeimdexError.from(reason).id !== "DISK_FULL") throw reason;
    }
  }

  #rotate(): void {
    renameSync(this.#path, `${this.#path}.1`);
    const file = openSync(this.#path, "a", 0o600);
    closeSync(this.#file);
    this.#file = file;
    this.#bytes = 0;
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#file);
    this.#open = false;
  }
}
