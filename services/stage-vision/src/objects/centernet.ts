import { type GraphModelFiles, openGraphModel } from "@heimdex/engine";
import { letterboxed } from "../picture/letterbox.ts";
import { COCO_LABELS } from "./coco-labels.ts";
import type { FoundObject, ObjectModel } from "./object-engine.ts";

/** Side of the square the net looks at, in pixels. */
const SIDE = 512;
/** The net's own decoding: the 100 highest peaks of its heat maps, each x1, y1, x2, y2 in pixels of the square, score, class. */
const DETECTIONS = "tower_0/detections";
const VALUES = 6;

/** CenterNet on MobileNetV3 ("Objects as Points", Zhou et al. 2019), as packed in `@vladmandic/human`. Letterboxed on black as its makers do
 * (mobilenetv3_centernet, lib/core/api/face_detector.py); stretched to a square it lost a third of the bottles and cars it found. */
export async function openCenterNet(files: GraphModelFiles): Promise<ObjectModel> {
  const model = await openGraphModel(files);
  return {
    async find(picture, minConfidence) {
      const square = letterboxed(picture, SIDE);
      const [detections] = await model.run(Float32Array.from(square.rgb), [1, SIDE, SIDE, 3], [DETECTIONS]);
      return centerNetObjects((detections as { data: Float32Array }).data, minConfidence).map((found) => ({
        ...found,
        ...square.back(found),
      }));
    },
  };
}

/** Things of the net's output, in pixels of its square.
 * @param detections 100 x 6 values */
export function centerNetObjects(detections: Float32Array, minConfidence: number): FoundObject[] {
  const found: FoundObject[] = [];
  for (let i = 0; i + VALUES <= detections.length; i += VALUES) {
    const [x1, y1, x2, y2, confidence, kind] = detections.subarray(i, i + VALUES) as unknown as FixedSix;
    const label = COCO_LABELS[kind];
    if (label === undefined || !(confidence >= minConfidence) || !(x2 > x1) || !(y2 > y1)) continue;
    found.push({ x: x1, y: y1, w: x2 - x1, h: y2 - y1, label, confidence: Math.min(1, confidence) });
  }
  return found;
}

type FixedSix = readonly [number, number, number, number, number, number];
