import { modelFile } from "../model-in-use.ts";
import type { FaceModels } from "./face-engine.ts";
import { openHumanFaces } from "./human-faces.ts";
import { openYuNetSFace } from "./yunet-sface.ts";

/** What is known of a choice of models before it is loaded. */
export interface FaceModelFacts {
  /** Numbers in a vector. */
  readonly dimension: number;
  /** Names what our code does around the models; part of the space's id, so another way of doing it gets another name. */
  readonly preprocessing: string;
  /** Cosine from which two faces are taken for one person's. */
  readonly sameFace: number;
}

/** By id in the model manifest. */
const FACTS: Readonly<Record<string, FaceModelFacts>> = {
  // Five people in eight films: 212 pairs of one person in two films came out at 0.74 or above, 1215 pairs of two people at 0.62 or below.
  "human-faces": {
    dimension: 1024,
    preprocessing: "5 marks, 224 px, margin 1.2, BGR minus 103.939/116.779/123.68",
    sameFace: 0.68,
  },
  // The figure OpenCV publishes with SFace (samples/dnn/face_detect.cpp: cosine_similar_thresh).
  "yunet-sface": { dimension: 128, preprocessing: "5 marks, 112 px, RGB", sameFace: 0.363 },
};

/** @throws Error for a model this stage knows nothing of: the manifest and this table belong together */
export function faceModelFacts(model: string): FaceModelFacts {
  const facts = FACTS[model];
  if (facts === undefined) throw new Error(`vision.faces does not know the model ${model}`);
  return facts;
}

/** Loads the models.
 * @param files by the manifest's names
 * @param threads of one inference, where the runtime has any
 * @throws EngineError MODEL_UNUSABLE */
export async function openFaceModels(
  model: string,
  files: Readonly<Record<string, string>>,
  threads: number,
): Promise<FaceModels> {
  const file = (name: string) => modelFile(model, files, name);
  if (model === "yunet-sface") return openYuNetSFace(file("yunet.onnx"), file("sface.onnx"), threads);
  const net = (name: string) => ({ graph: file(`${name}.json`), weights: file(`${name}.bin`) });
  return openHumanFaces({ blazeface: net("blazeface"), facemesh: net("facemesh"), faceres: net("faceres") });
}
