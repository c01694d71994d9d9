import { type GraphModel, openGraphModel, type Picture } from "@heimdex/engine";
import { cropped, letterboxed } from "../picture/letterbox.ts";
import { containment, distinct } from "../picture/overlap.ts";
import type { Pixel } from "../picture/parts.ts";
import { alignedFace, normalised, sampled } from "./align.ts";
import { BLAZEFACE_SIDE, type BlazeFace, type BlazeGrid, blazeFaces } from "./blazeface.ts";
import type { FaceMarks, FaceModels, FoundFace } from "./face-engine.ts";
import { searchAreas } from "./search-areas.ts";

/** Nodes of the nets, as the package names them. */
const GRID_NODES = ["Identity:0", "Identity_2:0", "Identity_1:0", "Identity_3:0"] as const;
const MESH_NODES = ["output_mesh", "output_faceflag"] as const;
const VECTOR_NODES = ["global_pooling/Mean"] as const;

const MESH_SIDE = 192;
/** The mesh sees the detector's box and a quarter more on each side (MediaPipe's face_landmark graph: scale 1.5). */
const MESH_SCALE = 1.5;
/** The mesh net's own opinion on whether it sees a face. On shirts with printed faces and heads seen from behind it is below 0.02. */
const MIN_FACE_FLAG = 0.5;
/** Points of the mesh (MediaPipe's canonical face model): corners of each eye, nose tip, corners of the mouth; left in the picture first. */
const MESH = { eyes: [33, 133, 362, 263], nose: 1, mouth: [61, 291] } as const;

const VECTOR_SIDE = 224;
/** Measured on five people in eight films: with this margin and these colours, pairs of one person in two films came out at 0.74 or
 * above, and pairs of two at 0.62 or below. */
const VECTOR_MARGIN = 1.2;
/** B, G, R: what is taken off before the net, as its makers do (HSE_FaceRec_tf, age_gender_identity/facial_analysis.py). */
const VECTOR_MEAN = [103.939, 116.779, 123.68] as const;

/** A face found twice, in two tiles or in one and the whole. */
const SAME_FACE = 0.5;

export interface HumanFaceFiles {
  readonly blazeface: { readonly graph: string; readonly weights: string };
  readonly facemesh: { readonly graph: string; readonly weights: string };
  readonly faceres: { readonly graph: string; readonly weights: string };
}

/** The nets of `@vladmandic/human`: BlazeFace (back camera) finds, Face Mesh confirms and places the marks, FaceRes (a MobileNet trained on
 * VGGFace2) compares by the 1024 means of its last layer. */
export async function openHumanFaces(files: HumanFaceFiles): Promise<FaceModels> {
  const detector = await openGraphModel(files.blazeface);
  const mesh = await openGraphModel(files.facemesh);
  const describer = await openGraphModel(files.faceres);
  return {
    async find(picture, minConfidence) {
      const all: FoundFace[] = [];
      for (const area of searchAreas(picture.width, picture.height)) {
        const part = letterboxed(cropped(picture, area), BLAZEFACE_SIDE);
        for (const face of await detect(detector, part.rgb, minConfidence)) {
          const at = ([x, y]: Pixel): Pixel => {
            const back = part.back({ x, y, w: 0, h: 0 });
            return [back.x + area.x, back.y + area.y];
          };
          const box = part.back(face);
          const eyes = [at(face.points[0] as Pixel), at(face.points[1] as Pixel)] as const;
          const moved = { ...box, x: box.x + area.x, y: box.y + area.y, confidence: face.confidence };
          const marks = await marksOf(mesh, picture, moved, eyes);
          if (marks !== undefined) all.push({ ...moved, marks });
        }
      }
      return distinct(all, (kept, other) => containment(kept, other) > SAME_FACE);
    },
    async describe(picture, marks) {
      const rgb = alignedFace(picture, marks, VECTOR_SIDE, VECTOR_MARGIN);
      const bgr = new Float32Array(rgb.length);
      for (let i = 0; i < rgb.length; i += 3) {
        for (let c = 0; c < 3; c++) bgr[i + c] = (rgb[i + 2 - c] as number) - (VECTOR_MEAN[c] as number);
      }
      const [means] = await describer.run(bgr, [1, VECTOR_SIDE, VECTOR_SIDE, 3], VECTOR_NODES);
      return normalised((means as { data: Float32Array }).data);
    },
  };
}

async function detect(detector: GraphModel, rgb: Uint8Array, minConfidence: number): Promise<BlazeFace[]> {
  const input = Float32Array.from(rgb, (value) => value / 127.5 - 1);
  const outputs = await detector.run(input, [1, BLAZEFACE_SIDE, BLAZEFACE_SIDE, 3], GRID_NODES);
  const [fine, fineValues, coarse, coarseValues] = outputs.map(({ data }) => data) as [
    ...[Float32Array, Float32Array, Float32Array, Float32Array],
  ];
  const grids: [BlazeGrid, BlazeGrid] = [
    { logits: fine, values: fineValues },
    { logits: coarse, values: coarseValues },
  ];
  return blazeFaces(grids, minConfidence);
}

/** The five marks, or undefined where the mesh sees no face. */
async function marksOf(
  mesh: GraphModel,
  picture: Picture,
  { x, y, w, h }: Omit<FoundFace, "marks">,
  [left, right]: readonly [Pixel, Pixel],
): Promise<FaceMarks | undefined> {
  const angle = Math.atan2(right[1] - left[1], right[0] - left[0]);
  const scale = (Math.max(w, h) * MESH_SCALE) / MESH_SIDE;
  const [a, b] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  const middle = (MESH_SIDE - 1) / 2;
  const from = { a, b, tx: x + w / 2 - a * middle + b * middle, ty: y + h / 2 - b * middle - a * middle };
  const input = sampled(picture, from, MESH_SIDE).map((value) => value / 255);
  const [points, flag] = await mesh.run(input, [1, MESH_SIDE, MESH_SIDE, 3], MESH_NODES);
  if (!(Number(flag?.data[0]) >= MIN_FACE_FLAG)) return undefined;
  const data = (points as { data: Float32Array }).data;
  const at = (point: number): Pixel => {
    const [u, v] = [data[point * 3] as number, data[point * 3 + 1] as number];
    return [from.a * u - from.b * v + from.tx, from.b * u + from.a * v + from.ty];
  };
  const between = (one: number, other: number): Pixel => {
    const [p, q] = [at(one), at(other)];
    return [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
  };
  const [a1, a2, b1, b2] = MESH.eyes;
  return [between(a1, a2), between(b1, b2), at(MESH.nose), at(MESH.mouth[0]), at(MESH.mouth[1])];
}
