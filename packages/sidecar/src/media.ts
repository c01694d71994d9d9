import { z } from "zod";
import { milliseconds, rational } from "./time.ts";

export const stream = z
  .looseObject({
    index: z
      .int()
      .min(0)
      .meta({ description: "Index in the container, from 0.", examples: [0] }),
    type: z.enum(["video", "audio", "subtitle", "data", "attachment"]).meta({
      description: "What it carries. A cover picture is `attachment`, never `video`.",
      examples: ["video"],
    }),
    codec: z.string().meta({ description: "Codec as ffmpeg names it.", examples: ["h264"] }),
    profile: z
      .string()
      .optional()
      .meta({ description: "Codec profile.", examples: ["High"] }),
    time_base: rational.meta({ description: "Seconds per unit of its timestamps." }),
    start_ms: z
      .int()
      .optional()
      .meta({
        description: "Its first timestamp in ms on the container's clock; may be negative.",
        examples: [0],
      }),
    duration_ms: milliseconds.optional().meta({ description: "Its length in ms, where stated.", examples: [60_000] }),
    language: z
      .string()
      .optional()
      .meta({ description: "BCP-47 tag the container states.", examples: ["en"] }),
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
      .meta({ description: "Bits per second.", examples: [4_200_000] }),
    width: z
      .int()
      .min(1)
      .optional()
      .meta({
        description: "Pixels, display-oriented (after rotation), before the sample aspect ratio.",
        examples: [1920],
      }),
    height: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "Pixels, display-oriented.", examples: [1080] }),
    sample_aspect_ratio: rational.optional().meta({
      description: "Width of a pixel over its height; absent when square.",
      examples: [{ num: 64, den: 45 }],
    }),
    average_frame_rate: rational.optional().meta({
      description: "Frames per second on average. For display only: times come from timestamps.",
      examples: [{ num: 25, den: 1 }],
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
      .meta({ description: "Bits per sample.", examples: [10] }),
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
      .meta({ description: "Samples per second.", examples: [48_000] }),
    channels: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "Audio channels.", examples: [2] }),
    channel_layout: z
      .string()
      .optional()
      .meta({ description: "As ffmpeg names it.", examples: ["stereo"] }),
  })
  .meta({ id: "Stream", description: "One stream of the container." });
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
  .meta({ id: "Chapter", description: "A chapter mark of the container." });

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
      .meta({ description: "Bytes.", examples: [52_428_800] }),
    duration_ms: milliseconds.meta({
      description: "Length of the presentation in ms, as far as it can be read.",
      examples: [60_000],
    }),
    streams: z.array(stream).meta({ description: "All streams, in container order." }),
    start_offset_ms: z.int().meta({
      description: "The container's first timestamp in ms. The timeline's 0 is this instant.",
      examples: [0],
    }),
    timecode: z
      .looseObject({
        start: z
          .string()
          .regex(/^\d{2}:\d{2}:\d{2}[:;]\d{2,3}$/)
          .meta({ description: "SMPTE timecode of the first frame.", examples: ["01:00:00;00"] }),
        drop_frame: z.boolean().meta({ description: "Drop-frame count.", examples: [true] }),
        rate: rational.meta({ description: "Frames per second it counts." }),
      })
      .optional()
      .meta({ description: "Source timecode; absent when the source has none." }),
    vfr: z.boolean().meta({ description: "The main video stream's frames are unevenly spaced.", examples: [false] }),
    rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]).meta({
      description: "Of the main video stream, degrees clockwise; 0 without video.",
      examples: [0],
    }),
    created_at: z
      .string()
      .optional()
      .meta({
        description: "When it was recorded, RFC 3339, where the container says so.",
        examples: ["2026-05-04T10:22:31Z"],
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
  .meta({ id: "Media", description: "What the container holds." });
export type Media = z.infer<typeof media>;
