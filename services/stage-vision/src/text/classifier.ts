import type { OnnxModel, Picture } from "@heimdex/engine";
import { LINE_NORMALISATION } from "./recognizer.ts";
import { resizeIntoTensor } from "./resample.ts";

const WIDTH = 192;
const HEIGHT = 48;

/** Surer than this that a line stands on its head, and it is turned (PaddleOCR `cls_thresh`). */
const THRESHOLD = 0.9;

/** Does the line stand on its head? The network tells 0 from 180 degrees. */
export async function isUpsideDown(model: OnnxModel, line: Picture): Promise<boolean> {
  const width = Math.max(1, Math.min(WIDTH, Math.ceil((HEIGHT * line.width) / line.height)));
  const planeSize = WIDTH * HEIGHT;
  const input = new Float32Array(3 * planeSize);
  resizeIntoTensor(line, width, HEIGHT, LINE_NORMALISATION, input, { offset: 0, stride: WIDTH, planeSize });
  const { data } = await model.run(input, [1, 3, HEIGHT, WIDTH]);
  return (data[1] ?? 0) > THRESHOLD;
}
