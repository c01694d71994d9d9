import { EngineError, type OnnxModel, openOnnxModel } from "@heimdex/engine";

/** Loads an ONNX model and tries it, so that a file that is no model, or another's, is found out at the start.
 * @param dims of its input
 * @param outputs it must give
 * @throws EngineError MODEL_UNUSABLE */
export async function openTriedModel(
  file: string,
  threads: number,
  dims: readonly number[],
  outputs: readonly string[],
): Promise<OnnxModel> {
  try {
    const model = await openOnnxModel(file, threads);
    await model.runFor(new Float32Array(dims.reduce((product, side) => product * side, 1)), dims, outputs);
    return model;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new EngineError("MODEL_UNUSABLE", `The model file ${file} cannot be used: ${message}`, { cause: error });
  }
}

/** Pixels R G B, row by row, as planes of one channel each.
 * @param order which of R G B (0, 1, 2) each plane holds */
export function planes(
  rgb: ArrayLike<number>,
  order: readonly [number, number, number] = [0, 1, 2],
  scale = 1,
): Float32Array {
  const size = rgb.length / 3;
  const out = new Float32Array(rgb.length);
  for (const [plane, channel] of order.entries()) {
    for (let i = 0; i < size; i++) out[plane * size + i] = (rgb[i * 3 + channel] as number) * scale;
  }
  return out;
}
