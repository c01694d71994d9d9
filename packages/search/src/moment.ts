import type { Instants } from "./instants.ts";

/** The unit of search: a stretch of an asset with everything said, written and seen in it. Times in ms, half-open. */
export interface Moment {
  /** Stable under re-runs: derived from the asset and the start. */
  readonly id: string;
  readonly start_ms: number;
  readonly end_ms: number;
  /** What is said, one line for each phrase or cue; "" when nothing is. */
  readonly spoken: string;
  /** What is written in the picture, one line for each text, each text once. */
  readonly written: string;
  /** What captions say is seen. */
  readonly described: string;
  /** Texts of custom layers. */
  readonly custom: string;
  /** Values of custom layers' facets and numbers, by `fieldKey`, each once. */
  readonly facets: ReadonlyMap<string, readonly string[]>;
  readonly numbers: ReadonlyMap<string, readonly number[]>;
  /** Labels of things seen, what is seen most first. Each stands in it one to six times, by how long it is shown, less where it is unsure: a search
   * for a thing then prefers moments that show it long (`moment-labels.ts`). */
  readonly labels: readonly string[];
  /** Resource names of people a human being has named, sorted. */
  readonly people: readonly string[];
  /** BCP-47 tags of its texts, sorted. */
  readonly languages: readonly string[];
  /** When what stands in its texts is said or seen; always within the moment. */
  readonly instants: Instants;
  /** When each value of `facets` and `numbers` is first there, in their order; always within the moment. */
  readonly fieldInstants: Readonly<Record<string, readonly number[]>>;
}

/** Any layer, as the sidecar has it or as a stage is given it. */
export interface MomentLayer {
  readonly kind: string;
  /** Id of the run that made it: tells recognised speech from subtitles and from what people wrote. */
  readonly run?: string | undefined;
  readonly language?: string | undefined;
  readonly items: readonly MomentItem[];
}
export interface MomentItem {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly [field: string]: unknown;
}

/** What moments are made from: a sidecar's parts, or what a stage has been given of them. */
export interface MomentSource {
  /** Id of the asset. */
  readonly asset: string;
  /** Absent where no stage could read it: then the layers say how long it is. */
  readonly media?: { readonly duration_ms: number } | undefined;
  readonly layers: readonly MomentLayer[];
}
