import type { Picture } from "@heimdex/engine";
import type { Box } from "@heimdex/sidecar";
import type { Rect } from "../picture/overlap.ts";

/** A thing in a picture, in pixels. */
export interface FoundObject extends Rect {
  /** A plain word, such as `bottle`. */
  readonly label: string;
  /** 0..1. */
  readonly confidence: number;
}

/** A model that finds things. */
export interface ObjectModel {
  /** Things that are at least so sure, one list for each look the model takes at the picture; a thing may come more than once. */
  find(picture: Picture, minConfidence: number): Promise<readonly FoundObject[][]>;
}

/** A thing as it was seen on one keyframe. */
export interface SeenObject {
  readonly label: string;
  /** 0..1. */
  readonly confidence: number;
  /** 0..1 of the picture. */
  readonly box: Box;
}
