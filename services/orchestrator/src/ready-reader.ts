import type { Job, Step } from "@heimdex/kernel";
import { type Catalog, type Document, readAll } from "@heimdex/ports";
import type { Log } from "@heimdex/telemetry";

/** Steps offered with one look: more than workers take until the next one is worth it. */
const ENOUGH = 64;

export interface ReadyReaderParts {
  readonly catalog: Catalog;
  /** Puts a step into the queue. Says whether a poll waits for it. */
  readonly offer: (job: Job, step: Step) => boolean;
  /** Everything that is ready of the stage has been offered. */
  readonly onWhole: (stage: string) => void;
  readonly log: Log;
}

/** Finds ready steps in the catalog: those that came from another replica, or from before the start, or for which the queue had no room. */
export class ReadyReader {
  readonly #parts: ReadyReaderParts;
  /** Stages being looked for, and whether to look once more. */
  readonly #looking = new Map<string, boolean>();
  readonly #running = new Set<Promise<void>>();

  constructor(parts: ReadyReaderParts) {
    this.#parts = parts;
  }

  /** Offers the first ready steps of a stage, until there are enough that somebody waits for. */
  look(stage: string): void {
    if (this.#looking.has(stage)) {
      this.#looking.set(stage, true);
      return;
    }
    this.#looking.set(stage, false);
    const run: Promise<void> = this.#look(stage)
      .catch((reason: unknown) => this.#parts.log.warn({ err: reason, stage }, "ready steps could not be looked for"))
      .finally(() => {
        this.#running.delete(run);
        const again = this.#looking.get(stage) === true;
        this.#looking.delete(stage);
        if (again) this.look(stage);
      });
    this.#running.add(run);
  }

  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #look(stage: string): Promise<void> {
    const { catalog, offer, onWhole } = this.#parts;
    let wanted = 0;
    for await (const { body } of this.#ready(catalog, stage)) {
      const step = body.steps.find((candidate) => candidate.stage === stage);
      if (step?.state === "READY" && offer(body, step)) wanted++;
      if (wanted >= ENOUGH) return;
    }
    onWhole(stage);
  }

  #ready(catalog: Catalog, stage: string): AsyncGenerator<Document<Job>> {
    return readAll<Job>(catalog, { collection: "jobs", term: `ready:${stage}`, by: "sort" });
  }
}
