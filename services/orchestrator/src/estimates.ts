import type { Job, Step } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";

/** What earlier runs of one stage took. */
interface Measure {
  readonly samples: number;
  /** Sum of wall times, ms. */
  readonly wallMs: number;
  /** Sum of the assets' durations, ms. */
  readonly mediaMs: number;
}

/** How long stages take, by what they took: wall time for each second of media. Kept in the catalog, written with every flush. */
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
    for (const [stage, measure] of Object.entries(stored?.body ?? {})) estimates.#measures.set(stage, measure);
    return estimates;
  }

  /** Learns from the steps of an ended job that ran. */
  learn(job: Job): void {
    for (const step of job.steps) {
      if (step.state !== "OK" && step.state !== "EMPTY") continue;
      const known = this.#measures.get(step.stage) ?? { samples: 0, wallMs: 0, mediaMs: 0 };
      this.#measures.set(step.stage, {
        samples: known.samples + 1,
        wallMs: known.wallMs + step.wallMs,
        mediaMs: known.mediaMs + (job.facts?.duration_ms ?? 0),
      });
      this.#changed = true;
    }
  }

  /** Expected wall time of a stage in ms and the number of earlier runs it rests on; 0 and 0 when there are none.
   * @param mediaMs length of the asset, 0 when unknown: then the mean of the runs */
  of(stage: string, mediaMs: number): { readonly ms: number; readonly samples: number } {
    const measure = this.#measures.get(stage);
    if (measure === undefined) return { ms: 0, samples: 0 };
    const ms =
      mediaMs > 0 && measure.mediaMs > 0
        ? (measure.wallMs / measure.mediaMs) * mediaMs
        : measure.wallMs / measure.samples;
    return { ms: Math.round(ms), samples: measure.samples };
  }

  apply(steps: readonly Step[]): Step[] {
    return steps.map((step) => ({ ...step, estimateMs: this.of(step.stage, 0).ms }));
  }

  async flush(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await this.#catalog.write([
      { op: "put", collection: "meta", id: "estimates", terms: [], sort: "", body: Object.fromEntries(this.#measures) },
    ]);
  }
}
