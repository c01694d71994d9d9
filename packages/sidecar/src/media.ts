import { z } from "zod";
import { language, timestamp } from "./text.ts";
import { milliseconds, rational } from "./time.ts";

export const stream = z
  .looseObject({
    index: z
      .int()
      .min(0)
      .meta({ description: "Index in the container, from 0.", examples: [0], "x-unit": "index" }),
    type: z.enum(["video", "audio", "subtitle", "data", "attachment"]).meta({
      description: "What it carries. A cover picture is `attachment`, never `video`.",
      examples: ["video"],
    }),
    codec: z.string().meta({ description: "Codec as ffmpeg names it.", examples: ["h264"] }),
    profile: z
      .string()
      .optional()
      .meta({ description: "Codec profile.", examples: ["High"] }),
    time_base: rational.meta({ description: "Seconds per unit of its timestamps.", "x-unit": "s" }),
    start_ms: z
      .int()
      .optional()
      .meta({
        description: "Its first timestamp in ms on the container's clock; may be negative.",
        examples: [0],
        "x-unit": "ms",
      }),
    duration_ms: milliseconds.optional().meta({ description: "Its length in ms, where stated.", examples: [60_000] }),
    language: language.optional().meta({ description: "BCP-47 tag the container states.", examples: ["en"] }),
    default: z
      .boolean()
      .optional()
      .meta({ description: "Players choose it first.", examples: [true] }),
    title: z
      .string()
      .optional()
      .meta({ description: "The container's title for it.", examples: ["Commentary"] }),
    bit_rate: z
      .int()
      .min(0)
      .optional()
      .meta({ description: "Bits per second.", examples: [4_200_000], "x-unit": "bit/s" }),
    width: z
      .int()
      .min(1)
      .optional()
      .meta({
        description: "Pixels, display-oriented (after rotation), before the sample aspect ratio.",
        examples: [1920],
        "x-unit": "pixels",
      }),
    height: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "Pixels, display-oriented.", examples: [1080], "x-unit": "pixels" }),
    sample_aspect_ratio: rational.optional().meta({
      description: "Width of a pixel over its height; absent when square.",
      examples: [{ num: 64, den: 45 }],
      "x-unit": "ratio",
    }),
    average_frame_rate: rational.optional().meta({
      description: "Frames per second on average. For display only: times come from timestamps.",
      examples: [{ num: 25, den: 1 }],
      "x-unit": "frames/s",
    }),
    vfr: z
      .boolean()
      .optional()
      .meta({ description: "Frames are unevenly spaced.", examples: [false] }),
    rotation: z
      .union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)])
      .optional()
      .meta({
        description: "Degrees clockwise the coded picture is turned for display.",
        examples: [90],
        "x-unit": "degrees",
      }),
    pixel_format: z
      .string()
      .optional()
      .meta({ description: "As ffmpeg names it.", examples: ["yuv420p10le"] }),
    bit_depth: z
      .int()
      .min(1)
      .max(32)
      .optional()
      .meta({ description: "Bits per sample.", examples: [10], "x-unit": "bits" }),
    color: z
      .looseObject({
        space: z
          .string()
          .optional()
          .meta({ description: "Matrix coefficients.", examples: ["bt709"] }),
        transfer: z
          .string()
          .optional()
          .meta({ description: "Transfer characteristics.", examples: ["bt709"] }),
        primaries: z
          .string()
          .optional()
          .meta({ description: "Primaries.", examples: ["bt709"] }),
        range: z
          .enum(["tv", "pc"])
          .optional()
          .meta({ description: "tv: 16..235; pc: 0..255.", examples: ["tv"] }),
      })
      .optional()
      .meta({ description: "Colour as the stream states it." }),
    interlaced: z
      .boolean()
      .optional()
      .meta({ description: "Two fields a frame.", examples: [false] }),
    sample_rate: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "Samples per second.", examples: [48_000], "x-unit": "Hz" }),
    channels: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "Audio channels.", examples: [2], "x-unit": "count" }),
    channel_layout: z
      .string()
      .optional()
      .meta({ description: "As ffmpeg names it.", examples: ["stereo"] }),
  })
  .meta({
    id: "Stream",
    description: "One stream of the container. Fields of pictures stand only on video, those of sound only on audio.",
    examples: [
      {
        index: 0,
        type: "video",
        codec: "h264",
        profile: "High",
        time_base: { num: 1, den: 90_000 },
        start_ms: 0,
        duration_ms: 60_000,
        bit_rate: 4_200_000,
        width: 1920,
        height: 1080,
        average_frame_rate: { num: 25, den: 1 },
        vfr: false,
        rotation: 0,
        pixel_format: "yuv420p",
        bit_depth: 8,
      },
    ],
  });
export type Stream = z.infer<typeof stream>;

export const chapter = z
  .looseObject({
    start_ms: milliseconds.meta({ description: "Inclusive.", examples: [0] }),
    end_ms: milliseconds.meta({ description: "Exclusive.", examples: [90_000] }),
    title: z
      .string()
      .optional()
      .meta({ description: "The container's title for it.", examples: ["Opening"] }),
  })
  .meta({
    id: "Chapter",
    description: "A chapter mark of the container.",
    examples: [{ start_ms: 0, end_ms: 90_000, title: "Opening" }],
  });

/** Media facts: what a stage that puts out `heimdex.media` version 1 finds, and the sidecar's `media`. */
export const media = z
  .looseObject({
    container: z
      .string()
      .min(1)
      .meta({ description: "Container as ffmpeg names it.", examples: ["mov,mp4,m4a,3gp,3g2,mj2"] }),
    size: z
      .int()
      .min(0)
      .meta({ description: "Bytes.", examples: [52_428_800], "x-unit": "bytes" }),
    duration_ms: milliseconds.meta({
      description: "Length of the presentation in ms, as far as it can be read.",
      examples: [60_000],
    }),
    streams: z.array(stream).meta({ description: "All streams, in container order." }),
    start_offset_ms: z.int().meta({
      description: "The container's first timestamp in ms. The timeline's 0 is this instant.",
      examples: [0],
      "x-unit": "ms",
    }),
    timecode: z
      .looseObject({
        start: z
          .string()
          .regex(/^\d{2}:\d{2}:\d{2}[:;]\d{2,3}$/)
          .meta({ description: "SMPTE timecode of the first frame.", examples: ["01:00:00;00"] }),
        drop_frame: z.boolean().meta({ description: "Drop-frame count.", examples: [true] }),
        rate: rational.meta({
          description: "Frames per second it counts.",
          examples: [{ num: 30_000, den: 1_001 }],
          "x-unit": "frames/s",
        }),
      })
      .optional()
      .meta({ description: "Source timecode; absent when the source has none." }),
    vfr: z.boolean().meta({ description: "The main video stream's frames are unevenly spaced.", examples: [false] }),
    rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]).meta({
      description: "Of the main video stream, degrees clockwise; 0 without video.",
      examples: [0],
      "x-unit": "degrees",
    }),
    created_at: timestamp.optional().meta({
      description: "When it was recorded, RFC 3339, where the container says so.",
      examples: ["2026-05-04T10:22:31.000Z"],
    }),
    chapters: z.array(chapter).optional().meta({ description: "The container's chapter marks." }),
    truncated: z
      .looseObject({
        reason: z.string().meta({ description: "What stops reading.", examples: ["the file ends inside a packet"] }),
      })
      .optional()
      .meta({ description: "Present when the file cannot be read to its end." }),
    tags: z
      .record(z.string(), z.string())
      .optional()
      .meta({
        description: "The container's own metadata, as text.",
        examples: [{ title: "Harbour, morning" }],
      }),
  })
  .meta({
    id: "Media",
    description: "What the container holds.",
    examples: [
      {
        container: "wav",
        size: 352_044,
        duration_ms: 11_000,
        streams: [
          {
            index: 0,
            type: "audio",
            codec: "pcm_s16le",
            time_base: { num: 1, den: 16_000 },
            start_ms: 0,
            duration_ms: 11_000,
            bit_rate: 256_000,
            sample_rate: 16_000,
            channels: 1,
          },
        ],
        start_offset_ms: 0,
        vfr: false,
        rotation: 0,
      },
    ],
  });
export type Media = z.infer<typeof media>;
