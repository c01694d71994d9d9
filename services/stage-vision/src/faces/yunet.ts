import { distinct, overlap } from "../picture/overlap.ts";
import type { Pixel } from "../picture/parts.ts";
import type { FaceMarks, FoundFace } from "./face-engine.ts";

/** Side of the square YuNet looks at, in pixels: the published file has it fixed. */
export const YUNET_SIDE = 640;
const STRIDES = [8, 16, 32] as const;
/** Two boxes with more in common are one face (OpenCV's FaceDetectorYN: nms_threshold). */
const SAME_FACE = 0.3;

/** Names of the outputs, stride by stride: class and object score, box, five points. */
export const YUNET_OUTPUTS = STRIDES.flatMap((stride) =>
  ["cls", "obj", "bbox", "kps"].map((what) => `${what}_${stride}`),
);

/** Faces of YuNet's raw outputs, in pixels of its square, the surest first, each once. Decoded as OpenCV's FaceDetectorYN does
 * (modules/objdetect/src/face_detect.cpp, postProcess). Its points are the person's right eye first, which is the left one in the picture.
 * @param outputs in the order of `YUNET_OUTPUTS`; a cell of the grid has 1, 1, 4 and 10 values
 * @param minConfidence 0..1 */
export function yunetFaces(outputs: readonly Float32Array[], minConfidence: number, side = YUNET_SIDE): FoundFace[] {
  const all: FoundFace[] = [];
  for (const [n, stride] of STRIDES.entries()) {
    const [cls, obj, boxes, points] = outputs.slice(n * 4, n * 4 + 4) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const across = side / stride;
    for (let cell = 0; cell < across * across; cell++) {
      const confidence = Math.sqrt(unit(cls[cell] as number) * unit(obj[cell] as number));
      if (!(confidence >= minConfidence)) continue;
      const [column, row] = [cell % across, Math.floor(cell / across)];
      const [dx, dy, dw, dh] = boxes.subarray(cell * 4, cell * 4 + 4) as unknown as readonly [
        number,
        number,
        number,
        number,
      ];
      const [w, h] = [Math.exp(dw) * stride, Math.exp(dh) * stride];
      const mark = (k: number): Pixel => [
        ((points[cell * 10 + 2 * k] as number) + column) * stride,
        ((points[cell * 10 + 2 * k + 1] as number) + row) * stride,
      ];
      const marks: FaceMarks = [mark(0), mark(1), mark(2), mark(3), mark(4)];
      all.push({ x: (column + dx) * stride - w / 2, y: (row + dy) * stride - h / 2, w, h, confidence, marks });
    }
  }
  return distinct(all, (kept, other) => overlap(kept, other) > SAME_FACE);
}

const unit = (value: number) => Math.min(1, Math.max(0, value));
