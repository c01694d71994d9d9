import type { Picture } from "@heimdex/engine";

/** A model of pictures in this process: what is shown as a vector, L2-normalised. Blocks its thread while it runs, so only engine processes use it. */
export interface PictureEncoder {
  /** @throws EngineError MODEL_UNUSABLE when the model gives something else than its vectors */
  encodePicture(picture: Picture): Promise<Float32Array>;
  /** A text in the same space; undefined for white space. Absent for models without a text side. */
  readonly encodeText?: (text: string) => Promise<Float32Array | undefined>;
}
