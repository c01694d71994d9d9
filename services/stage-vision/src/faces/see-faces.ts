import type { Picture } from "@heimdex/engine";
import sharp from "sharp";
import { boxOn, pointOn } from "../picture/parts.ts";
import type { FaceModels, FoundFace, SeenFace } from "./face-engine.ts";
import { faceQuality } from "./face-quality.ts";

/** What the crop shows: the box and 0.3 of its longer side on each side. */
const CROP_MARGIN = 0.3;
/** Longest side of the crop in pixels; smaller ones stay as they are. */
const CROP_SIDE = 256;
const CROP_QUALITY = 85;

export interface SeeFacesOptions {
  /** Faces the detector is less sure of are left out, 0..1. */
  readonly minConfidence: number;
  /** The surest so many are looked at. */
  readonly maxFaces: number;
}

/** All faces of a picture, from left to right. */
export async function seeFaces(models: FaceModels, picture: Picture, options: SeeFacesOptions): Promise<SeenFace[]> {
  const found = (await models.find(picture, options.minConfidence))
    .filter((face) => lies(picture, face))
    .slice(0, options.maxFaces)
    .sort((a, b) => a.x + a.w / 2 - b.x - b.w / 2);
  const seen: SeenFace[] = [];
  for (const face of found) {
    seen.push({
      box: boxOn(picture, face),
      landmarks: face.marks.map((mark) => pointOn(picture, mark)),
      confidence: face.confidence,
      quality: faceQuality(picture, face),
      vector: await models.describe(picture, face.marks),
      crop: await cropOf(picture, face),
    });
  }
  return seen;
}

/** A face whose middle is outside the picture is a guess. */
function lies({ width, height }: Picture, { x, y, w, h }: FoundFace): boolean {
  const [cx, cy] = [x + w / 2, y + h / 2];
  return cx >= 0 && cy >= 0 && cx < width && cy < height && w >= 1 && h >= 1;
}

async function cropOf({ width, height, rgb }: Picture, { x, y, w, h }: FoundFace): Promise<Uint8Array> {
  const side = Math.max(w, h) * (1 + 2 * CROP_MARGIN);
  const left = Math.max(0, Math.floor(x + w / 2 - side / 2));
  const top = Math.max(0, Math.floor(y + h / 2 - side / 2));
  const area = {
    left,
    top,
    width: Math.max(1, Math.min(width - left, Math.ceil(side))),
    height: Math.max(1, Math.min(height - top, Math.ceil(side))),
  };
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .extract(area)
    .resize({ width: CROP_SIDE, height: CROP_SIDE, fit: "inside", withoutEnlargement: true })
    .jpeg({ quality: CROP_QUALITY })
    .toBuffer();
}
