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
  readonly #measures = new Map<string, Measure>();
  #changed = false;

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
      const known = this.#measures.get(key) ?? { samples: 0, wallMs: 0, mediaMs: 0 };
      this.#measures.set(key, {
        samples: known.samples + 1,
        wallMs: known.wallMs + step.wallMs,
        mediaMs: known.mediaMs + (job.facts?.duration_ms ?? 0),
      });
      this.#changed = true;
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

  async flush(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await this.#catalog.write([
      { op: "put", collection: "meta", id: "estimates", terms: [], sort: "", body: Object.fromEntries(this.#measures) },
    ]);
  }
}
