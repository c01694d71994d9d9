import type { Picture } from "@heimdex/engine";
import type { Box, Point } from "@heimdex/sidecar";
import type { Rect } from "../picture/overlap.ts";
import type { Pixel } from "../picture/parts.ts";

/** Left eye, right eye, nose tip, left and right corner of the mouth, as one sees them in the picture; in pixels. */
export type FaceMarks = readonly [Pixel, Pixel, Pixel, Pixel, Pixel];

/** A face in a picture, in pixels. */
export interface FoundFace extends Rect {
  /** 0..1. */
  readonly confidence: number;
  readonly marks: FaceMarks;
}

/** Models that find faces and compare them. */
export interface FaceModels {
  /** Faces that are at least so sure, the surest first. */
  find(picture: Picture, minConfidence: number): Promise<FoundFace[]>;
  /** The face as a vector of length 1: the nearer by cosine, the likelier the same person. */
  describe(picture: Picture, marks: FaceMarks): Promise<Float32Array>;
}

/** A face as it was seen on one keyframe. */
export interface SeenFace {
  /** 0..1 of the picture. */
  readonly box: Box;
  /** In the order of `FaceMarks`, 0..1 of the picture. */
  readonly landmarks: readonly Point[];
  /** 0..1. */
  readonly confidence: number;
  /** How fit it is for recognition, 0..1 (see `faceQuality`). */
  readonly quality: number;
  /** Of length 1. */
  readonly vector: Float32Array;
  /** The face and its surroundings, JPEG. */
  readonly crop: Uint8Array;
}
