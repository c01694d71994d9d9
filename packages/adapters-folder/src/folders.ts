import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Makes folders and their entries durable. */
export class Folders {
  /** By folder: the sync that is running, and the one that starts after it. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  /** Resolves when every entry the folder had at the time of the call is on disk. Callers that come while a sync of the folder runs share the
   * one after it. */
  sync(folder: string): Promise<void> {
    const running = this.#running.get(folder);
    if (running === undefined) return this.#start(folder);
    let next = this.#next.get(folder);
    if (next === undefined) {
      const start = () => {
        this.#next.delete(folder);
        return this.#start(folder);
      };
      next = running.then(start, start);
      this.#next.set(folder, next);
    }
    return next;
  }

  /** Creates the folder and those above it that are missing, durably. */
  async create(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    for (let made = folder; ; made = dirname(made)) {
      await this.sync(dirname(made));
      if (made === first || made === dirname(made)) return;
    }
  }

  /** Creates 256 folders `00` to `ff` below, at once: they cost one sync together, and one each when made as they are needed. */
  async createShards(folder: string): Promise<void> {
    await this.create(folder);
    const shards = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
    await Promise.all(shards.map((shard) => mkdir(join(folder, shard), { recursive: true })));
    await this.sync(folder);
  }

  #start(folder: string): Promise<void> {
    const running = syncFolder(folder).finally(() => {
      if (this.#running.get(folder) === running) this.#running.delete(folder);
    });
    this.#running.set(folder, running);
    return running;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
