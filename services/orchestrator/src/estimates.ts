import type { Job, Step } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";

/** What earlier runs of one stage with the same models took. */
interface Measure {
  readonly samples: number;
  /** Sum of wall times, ms. */
  readonly wallMs: number;
  /** Sum of the assets' durations, ms. */
  readonly mediaMs: number;
}

type Timed = Pick<Step, "stage" | "models">;
const keyOf = ({ stage, models }: Timed) => [stage, ...models.map(({ id }) => id).sort()].join(" ");

/** How long stages take, by what they took: wall time for each second of media. Another model may take ten times as long, so each set of models counts by
 * itself. Kept in the catalog, written with every flush. */
export class Estimates {
  readonly #catalog: Catalog;
  #measures = new Map<string, Measure>();
  /** What was learned here and is not in the catalog yet. */
  #learned = new Map<string, Measure>();

  private constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  static async open(catalog: Catalog): Promise<Estimates> {
    const estimates = new Estimates(catalog);
    const stored = await catalog.get<Record<string, Measure>>("meta", "estimates");
    for (const [key, measure] of Object.entries(stored?.body ?? {})) estimates.#measures.set(key, measure);
    return estimates;
  }

  /** Learns from the steps of an ended job that ran. */
  learn(job: Job): void {
    for (const step of job.steps) {
      if (step.state !== "OK" && step.state !== "EMPTY") continue;
      const key = keyOf(step);
      const one = { samples: 1, wallMs: step.wallMs, mediaMs: job.facts?.duration_ms ?? 0 };
      add(this.#measures, key, one);
      add(this.#learned, key, one);
    }
  }

  /** Expected wall time of a stage with the models it is to run with, in ms, and the number of earlier runs it rests on; 0 and 0 when there are none.
   * @param mediaMs length of the asset, 0 when unknown: then the mean of the runs */
  of(step: Timed, mediaMs: number): { readonly ms: number; readonly samples: number } {
    const measure = this.#measures.get(keyOf(step));
    if (measure === undefined) return { ms: 0, samples: 0 };
    const ms =
      mediaMs > 0 && measure.mediaMs > 0
        ? (measure.wallMs / measure.mediaMs) * mediaMs
        : measure.wallMs / measure.samples;
    return { ms: Math.round(ms), samples: measure.samples };
  }

  apply(steps: readonly Step[]): Step[] {
    return steps.map((step) => ({ ...step, estimateMs: this.of(step, 0).ms }));
  }

  /** Adds what was learned here to what is stored, where other replicas add theirs. */
  async flush(): Promise<void> {
    if (this.#learned.size === 0) return;
    const learned = this.#learned;
    this.#learned = new Map();
    try {
      await this.#store(learned);
    } catch (reason) {
      for (const [key, measure] of learned) add(this.#learned, key, measure);
      throw reason;
    }
  }

  async #store(learned: ReadonlyMap<string, Measure>): Promise<void> {
    for (;;) {
      const stored = await this.#catalog.get<Record<string, Measure>>("meta", "estimates");
      const measures = new Map(Object.entries(stored?.body ?? {}));
      for (const [key, measure] of learned) add(measures, key, measure);
      const body = Object.fromEntries(measures);
      const common = { collection: "meta", id: "estimates", terms: [], sort: "", body } as const;
      const [result] = await this.#catalog.write([
        stored === undefined ? { op: "insert", ...common } : { op: "replace", version: stored.version, ...common },
      ]);
      if (result?.ok !== true) continue;
      for (const [key, measure] of this.#learned) add(measures, key, measure);
      this.#measures = measures;
      return;
    }
  }
}

function add(to: Map<string, Measure>, key: string, { samples, wallMs, mediaMs }: Measure): void {
  const known = to.get(key) ?? { samples: 0, wallMs: 0, mediaMs: 0 };
  to.set(key, {
    samples: known.samples + samples,
    wallMs: known.wallMs + wallMs,
    mediaMs: known.mediaMs + mediaMs,
  });
}
