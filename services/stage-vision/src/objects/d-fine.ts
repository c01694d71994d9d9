import { type OnnxOutput, resized } from "@heimdex/engine";
import { openTriedModel, planes } from "../tried-onnx-model.ts";
import { COCO_LABELS } from "./coco-labels.ts";
import type { FoundObject, ObjectModel } from "./object-engine.ts";

/** Side of the square the net looks at, in pixels. */
const SIDE = 640;
const OUTPUTS = ["logits", "pred_boxes"] as const;

/** D-FINE (Peng et al. 2024), and RT-DETR in the same export. Run directly on ONNX Runtime: the object detection of transformers.js puts the
 * logits through a softmax and takes the last class for "nothing", as DETR needs it; these models have a sigmoid for each class and no such class. */
export async function openDFine(file: string, threads: number): Promise<ObjectModel> {
  const dims = [1, 3, SIDE, SIDE] as const;
  const model = await openTriedModel(file, threads, dims, OUTPUTS);
  return {
    async find(picture, minConfidence) {
      const input = planes(resized(picture, SIDE, SIDE).rgb, [0, 1, 2], 1 / 255);
      const [logits, boxes] = (await model.runFor(input, dims, OUTPUTS)) as [OnnxOutput, OnnxOutput];
      const found = dFineObjects(logits.data, boxes.data, minConfidence).map(({ x, y, w, h, ...thing }) => ({
        ...thing,
        ...{ x: x * picture.width, y: y * picture.height, w: w * picture.width, h: h * picture.height },
      }));
      return [found];
    },
  };
}

/** Things of the net's outputs, in parts of the picture: every class of every query that is sure enough, as the reference implementation does
 * (Hugging Face transformers, RTDetrImageProcessor.post_process_object_detection).
 * @param logits 80 for each query
 * @param boxes centre x, y, width, height of each query, 0..1 */
export function dFineObjects(logits: Float32Array, boxes: Float32Array, minConfidence: number): FoundObject[] {
  const found: FoundObject[] = [];
  for (const [i, logit] of logits.entries()) {
    const confidence = 1 / (1 + Math.exp(-logit));
    if (!(confidence >= minConfidence)) continue;
    const query = Math.floor(i / COCO_LABELS.length);
    const [cx, cy, w, h] = boxes.subarray(query * 4, query * 4 + 4) as unknown as readonly [
      number,
      number,
      number,
      number,
    ];
    const label = COCO_LABELS[i % COCO_LABELS.length] as string;
    found.push({ x: cx - w / 2, y: cy - h / 2, w, h, label, confidence });
  }
  return found;
}
