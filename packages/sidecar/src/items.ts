import { z } from "zod";
import { box, point } from "./geometry.ts";
import { blobReference } from "./reference.ts";
import { language, text } from "./text.ts";
import { milliseconds, ptsShape, spanShape } from "./time.ts";

const confidence = z
  .number()
  .min(0)
  .max(1)
  .optional()
  .meta({
    description: "0..1 as the stage estimates it; absent where it has no estimate.",
    examples: [0.87],
    "x-unit": "0..1",
  });

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
  confidence,
};

/** The one instant of a span that counts most. */
const atMs = (description: string) => milliseconds.optional().meta({ description, examples: [13_440] });

export const shotItem = z.looseObject({ ...itemShape, ...ptsShape }).meta({
  id: "ShotItem",
  description: "A stretch between two cuts.",
  examples: [
    {
      id: "shot_7b1c09d2e4f0a513",
      start_ms: 12_480,
      end_ms: 15_920,
      start_pts: 1_123_200,
      end_pts: 1_432_800,
      time_base: { num: 1, den: 90_000 },
    },
  ],
});
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
  .meta({
    id: "SceneItem",
    description: "Shots that belong together: same place, same people.",
    examples: [
      {
        id: "scene_0aa1d2c94e77b310",
        start_ms: 12_480,
        end_ms: 31_040,
        shots: ["shot_7b1c09d2e4f0a513", "shot_2d7711c0aa904be1"],
      },
    ],
  });
export type SceneItem = z.infer<typeof sceneItem>;

export const keyframeItem = z
  .looseObject({
    ...itemShape,
    ...ptsShape,
    at_ms: atMs("When the picture was taken; absent where that is not known: then as the span starts."),
    image: blobReference.meta({ description: "The picture, display-oriented." }),
    width: z
      .int()
      .min(1)
      .meta({ description: "Width of the stored picture in pixels.", examples: [1280], "x-unit": "pixels" }),
    height: z
      .int()
      .min(1)
      .meta({ description: "Height of the stored picture in pixels.", examples: [720], "x-unit": "pixels" }),
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
        "x-unit": "luma²",
      }),
    luma: z
      .number()
      .min(0)
      .max(255)
      .optional()
      .meta({ description: "Mean luma, 0..255.", examples: [104.2], "x-unit": "luma" }),
  })
  .meta({
    id: "KeyframeItem",
    description: "A still that stands for its part of the timeline. The span is how long it stands for it.",
    examples: [
      {
        id: "kf_0b6d5a7e11c2f384",
        start_ms: 12_480,
        end_ms: 15_920,
        start_pts: 1_123_200,
        end_pts: 1_432_800,
        time_base: { num: 1, den: 90_000 },
        at_ms: 13_440,
        image: {
          sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
          size: 48_211,
          media_type: "image/jpeg",
        },
        width: 1280,
        height: 720,
        shot: "shot_7b1c09d2e4f0a513",
        sharpness: 312.5,
        luma: 104.2,
      },
    ],
  });
export type KeyframeItem = z.infer<typeof keyframeItem>;

export const word = z
  .looseObject({
    text: z
      .string()
      .min(1)
      .meta({ description: "The word, Unicode NFC.", examples: ["country"] }),
    ...spanShape,
    confidence: confidence.meta({ description: "0..1 where known.", examples: [0.93] }),
  })
  .meta({
    id: "Word",
    description: "A spoken word with its time.",
    examples: [{ text: "country", start_ms: 13_120, end_ms: 13_610, confidence: 0.93 }],
  });
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
    language: language.optional().meta({
      description: "BCP-47 tag where it differs from the layer's.",
      examples: ["de"],
    }),
  })
  .meta({
    id: "TranscriptItem",
    description: "A phrase that was said, or a subtitle cue.",
    examples: [
      {
        id: "speech_5be80c1c2f4a9d07",
        start_ms: 12_900,
        end_ms: 13_610,
        confidence: 0.87,
        text: "my country",
        words: [
          { text: "my", start_ms: 12_900, end_ms: 13_080, confidence: 0.81 },
          { text: "country", start_ms: 13_120, end_ms: 13_610, confidence: 0.93 },
        ],
      },
    ],
  });
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
    language: language.optional().meta({ description: "BCP-47 tag where known.", examples: ["en"] }),
  })
  .meta({
    id: "TextItem",
    description: "Written text in the picture, once for its whole time on screen.",
    examples: [
      {
        id: "text_c4f1960c0d3e5b72",
        start_ms: 12_480,
        end_ms: 15_920,
        confidence: 0.98,
        text: "EXIT 14 HARBOUR",
        box: { x: 0.25, y: 0.1, w: 0.5, h: 0.08 },
        frames: ["kf_0b6d5a7e11c2f384"],
      },
    ],
  });
export type TextItem = z.infer<typeof textItem>;

export const faceItem = z
  .looseObject({
    ...itemShape,
    ...ptsShape,
    at_ms: atMs("Its best sighting, where known: there it can be seen."),
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
        "x-unit": "0..1",
      }),
    crop: blobReference.optional().meta({ description: "The best sighting as a picture." }),
    vector: z
      .int()
      .min(0)
      .optional()
      .meta({
        description: "Row of this face in the layer's `vectors` blob, from 0.",
        examples: [3],
        "x-unit": "index",
      }),
  })
  .meta({
    id: "FaceItem",
    description: "A face, over the time it was seen.",
    examples: [
      {
        id: "face_91d30b7a5c6e2f48",
        start_ms: 12_480,
        end_ms: 15_920,
        confidence: 0.96,
        at_ms: 13_440,
        box: { x: 0.41, y: 0.18, w: 0.12, h: 0.2 },
        group: "face_group_1",
        quality: 0.71,
        vector: 3,
      },
    ],
  });
export type FaceItem = z.infer<typeof faceItem>;

export const objectItem = z
  .looseObject({
    ...itemShape,
    ...ptsShape,
    at_ms: atMs("Its best sighting, where known: there it can be seen."),
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
        "x-unit": "count",
      }),
  })
  .meta({
    id: "ObjectItem",
    description: "Things of one label, over the time they were seen.",
    examples: [
      {
        id: "object_3e0f5d84a19c7b26",
        start_ms: 12_480,
        end_ms: 15_920,
        confidence: 0.79,
        at_ms: 13_440,
        label: "bottle",
        box: { x: 0.62, y: 0.5, w: 0.07, h: 0.21 },
        count: 2,
      },
    ],
  });
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
  .meta({
    id: "CaptionItem",
    description: "A sentence that describes what is seen.",
    examples: [
      {
        id: "caption_68b2d90ef4175ac3",
        start_ms: 12_480,
        end_ms: 15_920,
        text: "A road sign beside a quay with cranes.",
        keyframe: "kf_0b6d5a7e11c2f384",
      },
    ],
  });
export type CaptionItem = z.infer<typeof captionItem>;

export const embeddingItem = z
  .looseObject({
    ...itemShape,
    of: z.enum(["moment", "keyframe", "face"]).meta({
      description: "What the vector stands for.",
      examples: ["moment"],
    }),
    item: z
      .string()
      .optional()
      .meta({
        description: "Id of the keyframe or face it stands for; absent for a moment, whose id is the item's own.",
        examples: ["kf_0b6d5a7e11c2f384"],
      }),
    vector: z
      .int()
      .min(0)
      .meta({ description: "Row in the layer's `vectors` blob, from 0.", examples: [0], "x-unit": "index" }),
  })
  .meta({
    id: "EmbeddingItem",
    description: "A vector of one span; the numbers are in the layer's `vectors` blob.",
    examples: [{ id: "moment_d27c4410b9e6fa05", start_ms: 0, end_ms: 12_480, of: "moment", vector: 0 }],
  });
export type EmbeddingItem = z.infer<typeof embeddingItem>;
