export { checkSidecar } from "./check-sidecar.ts";
export { type Box, box, type Point, point } from "./geometry.ts";
export type { Issue } from "./issue.ts";
export { itemId } from "./item-id.ts";
export type {
  CaptionItem,
  EmbeddingItem,
  FaceItem,
  KeyframeItem,
  ObjectItem,
  SceneItem,
  ShotItem,
  TextItem,
  TranscriptItem,
  Word,
} from "./items.ts";
export {
  LAYER_KINDS,
  LAYER_VERSION,
  type Layer,
  type LayerKind,
  type LayerOf,
  layerItems,
  layersOf,
  type Space,
  type StageLayer,
  stageLayer,
} from "./layers.ts";
export { type Media, media, type Stream } from "./media.ts";
export { readSidecar } from "./read-sidecar.ts";
export { type BlobReference, blobReference } from "./reference.ts";
export { type Run, run } from "./run.ts";
export { SCHEMA_ID, schemaDocument } from "./schema-document.ts";
export { SIDECAR_SCHEMA, SIDECAR_VERSION, type Sidecar, type Source, sidecar, source } from "./sidecar.ts";
export { SidecarUnreadable, type UnreadableReason } from "./sidecar-unreadable.ts";
export type { Rational } from "./time.ts";
