export { type Box, box, type Point, point } from "./geometry.ts";
export { itemId } from "./item-id.ts";
export {
  type CaptionItem,
  type EmbeddingItem,
  type FaceItem,
  type KeyframeItem,
  LAYER_KINDS,
  LAYER_VERSION,
  type Layer,
  type LayerKind,
  type LayerOf,
  layerItems,
  type ObjectItem,
  type SceneItem,
  type ShotItem,
  type Space,
  type StageLayer,
  stageLayer,
  type TextItem,
  type TranscriptItem,
  type Word,
} from "./layers.ts";
export { type Media, media, type Stream } from "./media.ts";
export { type BlobReference, blobReference } from "./reference.ts";
export { type Run, run } from "./run.ts";
export { SIDECAR_SCHEMA, SIDECAR_VERSION, type Sidecar, type Source, sidecar, source } from "./sidecar.ts";
export type { Rational } from "./time.ts";
