import type { SpaceModel } from "./space-models.ts";

/** A query as a vector. */
export interface EmbeddedQuery {
  /** L2-normalised; empty when nothing can be said of the query. */
  readonly vector: readonly number[];
  /** Of models that look words up: words of the query with a meaning of their own that the model knows, and those it does not. */
  readonly known?: readonly string[];
  readonly unknown?: readonly string[];
}

/** Called before the first text and now and then: how many are done. */
export type OnTexts = (done: number, total: number) => void;

/** One text model that is there, whatever its kind. Its failures are StageFailures. */
export interface TextEmbedder extends SpaceModel {
  /** A vector for each text, in order; undefined where nothing can be said of it. A text's vector does not depend on what stands beside it.
   * @returns also the CPU time used outside this process, in ms */
  embedTexts(
    texts: readonly string[],
    onTexts: OnTexts,
    signal: AbortSignal,
  ): Promise<{ readonly vectors: readonly (Float32Array | undefined)[]; readonly cpuMs: number }>;
  /** Never waits behind `embedTexts`. */
  embedQuery(text: string, signal: AbortSignal): Promise<EmbeddedQuery>;
}
