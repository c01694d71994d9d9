import type { OnnxOutput } from "@heimdex/engine";
import { letterboxed } from "../picture/letterbox.ts";
import type { Pixel } from "../picture/parts.ts";
import { openTriedModel, planes } from "../tried-onnx-model.ts";
import { alignedFace, normalised } from "./align.ts";
import type { FaceMarks, FaceModels } from "./face-engine.ts";
import { YUNET_OUTPUTS, YUNET_SIDE, yunetFaces } from "./yunet.ts";

const VECTOR_SIDE = 112;
const VECTOR_OUTPUTS = ["fc1"] as const;

/** YuNet (Wu et al. 2023) finds faces and their marks, SFace (Zhong et al. 2021) compares them: the OpenCV Zoo's models, used as OpenCV's
 * FaceDetectorYN and FaceRecognizerSF use them: YuNet takes B G R, SFace R G B, both 0..255. */
export async function openYuNetSFace(yunet: string, sface: string, threads: number): Promise<FaceModels> {
  const square = [1, 3, YUNET_SIDE, YUNET_SIDE] as const;
  const face = [1, 3, VECTOR_SIDE, VECTOR_SIDE] as const;
  const detector = await openTriedModel(yunet, threads, square, YUNET_OUTPUTS);
  const describer = await openTriedModel(sface, threads, face, VECTOR_OUTPUTS);
  return {
    async find(picture, minConfidence) {
      const { rgb, back } = letterboxed(picture, YUNET_SIDE);
      const outputs = await detector.runFor(planes(rgb, [2, 1, 0]), square, YUNET_OUTPUTS);
      const point = ([x, y]: Pixel): Pixel => {
        const at = back({ x, y, w: 0, h: 0 });
        return [at.x, at.y];
      };
      return yunetFaces(
        outputs.map(({ data }) => data),
        minConfidence,
      ).map(({ confidence, marks, ...box }) => ({
        ...back(box),
        confidence,
        marks: marks.map(point) as unknown as FaceMarks,
      }));
    },
    async describe(picture, marks) {
      const [vector] = await describer.runFor(planes(alignedFace(picture, marks, VECTOR_SIDE)), face, VECTOR_OUTPUTS);
      return normalised((vector as OnnxOutput).data);
    },
  };
}
