import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

/** Tells this process from an earlier one of the same number. */
const RUN = randomBytes(4).toString("hex");
let made = 0;

/** A worker's folder for what its attempts write, made when the first of them asks. Its name holds host and process, so that what a killed worker left
 * behind can be told from what is in use, also where containers share the folder above. */
export class Scratch {
  readonly #base: string;
  readonly #host: string;
  readonly root: string;

  /** @param base folder to make it in; default: the system's temporary folder */
  constructor(base: string = tmpdir()) {
    this.#base = base;
    this.#host = `heimdex-${hostname().replace(/[^A-Za-z0-9-]/g, "_")}-`;
    this.root = join(base, `${this.#host}${process.pid}-${RUN}-${made++}`);
  }

  /** Makes an attempt's folder. @param lease id of the attempt: fit for file names, as the contract says */
  open(lease: string): string {
    if (!/^[A-Za-z0-9._-]+$/.test(lease) || lease.startsWith(".")) throw new Error(`not fit for a file name: ${lease}`);
    const folder = join(this.root, lease);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** Removes what workers of this host left that are no longer alive. */
  async sweep(): Promise<void> {
    await mkdir(this.#base, { recursive: true });
    const left = (await readdir(this.#base)).filter((name) => name.startsWith(this.#host));
    for (const name of left) {
      const [pid, run] = name.slice(this.#host.length).split("-");
      if (!/^[1-9]\d*$/.test(pid ?? "")) continue;
      const ours = Number(pid) === process.pid;
      if (ours ? run !== RUN : !isAlive(Number(pid))) await remove(join(this.#base, name));
    }
  }

  async close(): Promise<void> {
    await remove(this.root);
  }
}

/** Removes a folder with all in it; none is fine. */
export function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
