import { z } from "zod";
import { layer } from "./layers.ts";
import { media } from "./media.ts";
import { blobReference, sha256 } from "./reference.ts";
import { run } from "./run.ts";
import { timestamp } from "./text.ts";

export const SIDECAR_SCHEMA = "https://heimdex.dev/schemas/sidecar";
export const SIDECAR_VERSION = "1.0.0";

export const source = z
  .looseObject({
    uri: z
      .string()
      .min(1)
      .meta({ description: "Where the bytes lie.", examples: ["file:///films/harbour.mp4"] }),
    size: z
      .int()
      .min(0)
      .meta({ description: "Bytes.", examples: [52_428_800], "x-unit": "bytes" }),
    modified_at: timestamp.optional().meta({
      description: "When the bytes there were last written, RFC 3339.",
      examples: ["2026-05-04T10:22:31.000Z"],
    }),
    missing: z
      .boolean()
      .optional()
      .meta({ description: "It was not there at the last look.", examples: [false] }),
  })
  .meta({
    id: "Source",
    description: "One place that holds the asset's bytes.",
    examples: [{ uri: "file:///films/harbour.mp4", size: 52_428_800, modified_at: "2026-05-04T10:22:31.000Z" }],
  });
export type Source = z.infer<typeof source>;

export const asset = z
  .looseObject({
    id: z
      .string()
      .min(1)
      .meta({ description: "Derived from tenant and fingerprint.", examples: ["a_4f0c6b1d9e3a7725"] }),
    fingerprint: sha256.meta({ description: "SHA-256 of all its bytes." }),
    source: z
      .string()
      .min(1)
      .meta({
        description: "The source it was read from last.",
        examples: ["file:///films/harbour.mp4"],
      }),
    sources: z.array(source).min(1).meta({ description: "Every place known to hold the same bytes." }),
    title: z.string().meta({ description: "The container's title, else the file's name.", examples: ["harbour.mp4"] }),
    poster: blobReference.optional().meta({
      description:
        "The picture that stands for it, neither black nor blurred where it can be helped; absent for sound.",
    }),
  })
  .meta({
    id: "Asset",
    description: "The piece of media the sidecar is about.",
    examples: [
      {
        id: "a_4f0c6b1d9e3a7725",
        fingerprint: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        source: "file:///films/harbour.mp4",
        sources: [{ uri: "file:///films/harbour.mp4", size: 52_428_800, modified_at: "2026-05-04T10:22:31.000Z" }],
        title: "harbour.mp4",
      },
    ],
  });

export const sidecar = z
  .looseObject({
    schema: z.literal(SIDECAR_SCHEMA).meta({ description: "Says that this is a sidecar.", examples: [SIDECAR_SCHEMA] }),
    schema_version: z
      .string()
      .regex(/^1\.\d+\.\d+$/)
      .meta({ description: "Semantic version of the document's form.", examples: [SIDECAR_VERSION] }),
    revision: z
      .int()
      .min(1)
      .meta({ description: "Counts up from 1 with each job that changed it.", examples: [1], "x-unit": "count" }),
    written_at: timestamp.meta({
      description: "When this revision was written, RFC 3339.",
      examples: ["2026-11-22T10:00:12.000Z"],
    }),
    asset: asset.meta({ description: "What it is about." }),
    media: media.optional().meta({ description: "Media facts; absent when no stage could read the asset." }),
    runs: z.array(run).meta({
      description: "One run for each stage of the last job, and the runs of layers that were kept from before.",
    }),
    layers: z.array(layer).meta({ description: "Annotations over the timeline." }),
  })
  .meta({ id: "Sidecar", title: "Heimdex sidecar", description: "Everything known about one asset." });
export type Sidecar = z.infer<typeof sidecar>;
