import { EngineError } from "@heimdex/engine";

/** L2-normalised. @throws EngineError MODEL_UNUSABLE for numbers that have no direction */
export function unitVector(values: Float64Array | Float32Array): Float32Array {
  const length = Math.hypot(...values);
  if (length > 0 && Number.isFinite(length)) return Float32Array.from(values, (value) => value / length);
  throw new EngineError("MODEL_UNUSABLE", "its numbers are not finite, or all zero");
}
