import type { Job } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
import { batchTerm, prioritySort } from "./job-document.ts";
import { KeyedQueue } from "./keyed-queue.ts";

/** Batches whose last turn is remembered. */
const MOST_BATCHES = 1_000;

export type Batched = Pick<Job, "tenant" | "batch" | "priority">;

/** Gives jobs their turns, so that batches of one priority go side by side: the first job of a batch has the turn at which work stands now, each further one the next.
 * So a small batch does not wait for the end of a huge one that was there before, and nobody is overtaken for ever: start-time fair queueing (Goyal, Vin and
 * Cheng 1996) with jobs of equal length. Two replicas may give one turn twice, which does no harm. */
export class Turns {
  readonly #catalog: Catalog;
  readonly #queue = new KeyedQueue();
  /** The last turn given here, by batch; what the catalog does not show yet is in it. */
  readonly #last = new Map<string, number>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  next(job: Batched): Promise<number> {
    const term = batchTerm(job);
    return this.#queue.run(term, async () => {
      const [stored] = await this.#catalog.find<Job>({
        collection: "jobs",
        term,
        by: "sort",
        descending: true,
        limit: 1,
      });
      // A batch that has ended begins again where work stands.
      const last = stored === undefined ? -1 : Math.max(stored.body.turn ?? 0, this.#last.get(term) ?? -1);
      const turn = Math.max(await this.#now(job), last + 1);
      this.#last.delete(term);
      this.#last.set(term, turn);
      const oldest = this.#last.keys().next();
      if (this.#last.size > MOST_BATCHES && oldest.done !== true) this.#last.delete(oldest.value);
      return turn;
    });
  }

  /** Where work of the priority stands: the least turn of which a step is leased. */
  async #now({ priority }: Batched): Promise<number> {
    const sort = prioritySort(priority);
    const [first] = await this.#catalog.find<Job>({
      collection: "jobs",
      term: "leased",
      by: "sort",
      after: { id: "j", sort },
      limit: 1,
    });
    return first?.body.priority === priority ? (first.body.turn ?? 0) : 0;
  }
}
