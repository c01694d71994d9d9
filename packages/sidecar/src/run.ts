import { z } from "zod";
import { sha256 } from "./reference.ts";
import { timestamp } from "./text.ts";
import { milliseconds } from "./time.ts";

export const runModel = z
  .looseObject({
    id: z
      .string()
      .min(1)
      .meta({ description: "Id in the model manifest.", examples: ["pp-ocrv4"] }),
    sha256: sha256.meta({
      description: "SHA-256 of the model's entry in the manifest: changes with any of its files.",
    }),
    licence: z
      .string()
      .optional()
      .meta({ description: "SPDX expression.", examples: ["Apache-2.0"] }),
  })
  .meta({
    id: "RunModel",
    description: "A model that was used.",
    examples: [
      {
        id: "pp-ocrv4",
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        licence: "Apache-2.0",
      },
    ],
  });

export const runInput = z
  .looseObject({
    port: z.string().meta({ description: "Input port.", examples: ["source"] }),
    sha256: sha256.meta({ description: "SHA-256 of the bytes read there." }),
  })
  .meta({
    id: "RunInput",
    description: "An artifact that was read.",
    examples: [{ port: "source", sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }],
  });

export const run = z
  .looseObject({
    id: z
      .string()
      .min(1)
      .meta({ description: "Layers name it.", examples: ["run_media.analyze"] }),
    stage: z
      .string()
      .min(1)
      .meta({ description: "Name of the stage.", examples: ["media.analyze"] }),
    version: z
      .string()
      .min(1)
      .meta({ description: "Version of the stage.", examples: ["0.1.0"] }),
    behaviour: z
      .int()
      .min(1)
      .meta({
        description: "Behaviour version: grows when the same input gives other output.",
        examples: [1],
        "x-unit": "version",
      }),
    status: z.enum(["OK", "EMPTY", "SKIPPED", "FAILED"]).meta({
      description: "EMPTY: ran and found nothing. SKIPPED: did not apply. FAILED: see `reason`.",
      examples: ["OK"],
    }),
    reason: z
      .string()
      .optional()
      .meta({
        description: "Why it was skipped or failed, or what limits an OK run; a stable id, a colon, a sentence.",
        examples: ["NO_AUDIO: the asset has no audio stream"],
      }),
    cached: z
      .boolean()
      .optional()
      .meta({
        description: "The result came from an earlier run with the same inputs.",
        examples: [false],
      }),
    kept: z
      .boolean()
      .optional()
      .meta({
        description:
          "An earlier run whose layers still stand: the stage's newest run could not be done again, or fills another embedding space while this one answers searches. Its id ends in `@` and the first digits of its `key`.",
        examples: [true],
      }),
    image: z
      .string()
      .optional()
      .meta({
        description: "Container image it ran in, with digest; absent outside containers.",
        examples: [
          "registry.example/stage-media@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ],
      }),
    key: sha256.optional().meta({ description: "Step key: what the cache knows it by." }),
    models: z.array(runModel).optional().meta({ description: "Models used; empty when it uses none." }),
    config: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({
        description: "Effective configuration, defaults filled in.",
        examples: [{ keyframe_seconds: 10, keyframe_side: 1280 }],
      }),
    config_given: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({
        description: "The part of `config` that somebody set; the rest are the stage's defaults.",
        examples: [{ keyframe_seconds: 10 }],
      }),
    inputs: z.array(runInput).optional().meta({ description: "Digests of what it read, one for each artifact." }),
    worker: z
      .string()
      .optional()
      .meta({ description: "Who did it.", examples: ["stage-media@host-1"] }),
    device: z
      .string()
      .optional()
      .meta({ description: "What it ran on.", examples: ["cpu"] }),
    started_at: timestamp.optional().meta({ description: "When it began, RFC 3339." }),
    wall_ms: milliseconds.optional().meta({ description: "Wall time in ms.", examples: [8_214] }),
    cpu_ms: milliseconds.optional().meta({
      description: "CPU time in ms, child processes included.",
      examples: [14_870],
    }),
    attempts: z
      .int()
      .min(0)
      .optional()
      .meta({ description: "Attempts it took.", examples: [1], "x-unit": "count" }),
  })
  .meta({
    id: "Run",
    description: "One stage's run: where the layers come from.",
    examples: [
      {
        id: "run_asr.transcribe",
        stage: "asr.transcribe",
        version: "0.1.0",
        behaviour: 1,
        status: "SKIPPED",
        reason: "NO_AUDIO: the asset has no audio stream",
        models: [],
        attempts: 0,
      },
    ],
  });
export type Run = z.infer<typeof run>;
