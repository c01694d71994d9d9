import { type GraphModelFiles, openGraphModel, type Picture, resized } from "@heimdex/engine";
import { letterboxed } from "../picture/letterbox.ts";
import { COCO_LABELS } from "./coco-labels.ts";
import type { FoundObject, ObjectModel } from "./object-engine.ts";

/** Side of the square the net looks at, in pixels. */
const SIDE = 512;
/** The net's own decoding: the 100 highest peaks of its heat maps, each x1, y1, x2, y2 in pixels of the square, score, class. */
const DETECTIONS = "tower_0/detections";
const VALUES = 6;
/** Height of the second look, as a part of the picture's. The net has learnt from pictures taken at eye level and takes a car from above for a phone: flattened
 * it looks more like one from the side. Of 14 pictures of such cars the first look named 1, with this one 8 (at 0.3; 0.45: 6, 0.37: 10, but wrong words too). */
const FLATTENED = 0.4;
/** The one kind of which the second look taught nothing: where only people were seen it is left out. */
const SURE = "person";

/** CenterNet on MobileNetV3 ("Objects as Points", Zhou et al. 2019), as packed in `@vladmandic/human`. Letterboxed on black as its makers do
 * (mobilenetv3_centernet, lib/core/api/face_detector.py); stretched to a square it lost a third of the bottles and cars it found. */
export async function openCenterNet(files: GraphModelFiles): Promise<ObjectModel> {
  const model = await openGraphModel(files);
  const look = async (picture: Picture, minConfidence: number): Promise<FoundObject[]> => {
    const square = letterboxed(picture, SIDE);
    const [detections] = await model.run(Float32Array.from(square.rgb), [1, SIDE, SIDE, 3], [DETECTIONS]);
    return centerNetObjects((detections as { data: Float32Array }).data, minConfidence).map((found) => ({
      ...found,
      ...square.back(found),
    }));
  };
  return {
    async find(picture, minConfidence) {
      const first = await look(picture, minConfidence);
      if (first.every(({ label }) => label === SURE)) return [first];
      const height = Math.max(1, Math.round(picture.height * FLATTENED));
      const factor = picture.height / height;
      const second = await look(resized(picture, picture.width, height), minConfidence);
      return [first, second.map((found) => ({ ...found, y: found.y * factor, h: found.h * factor }))];
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
