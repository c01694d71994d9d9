import type { Histogram, Meter } from "@opentelemetry/api";

export type { Histogram };

/** A process's figures: how many, how long. */
export interface Metrics {
  /** Makes instruments. Names as Prometheus has them: `heimdex_work_duration_seconds`. */
  readonly meter: Meter;
  /** All figures as they are, in Prometheus' text format.
   * @param onError hears why one could not be read; the others are there all the same */
  text(onError: (reason: unknown) => void): Promise<string>;
}
