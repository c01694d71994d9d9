import { z } from "zod";
import { sha256 } from "./reference.ts";
import { milliseconds } from "./time.ts";

export const runModel = z
  .looseObject({
    id: z
      .string()
      .min(1)
      .meta({ description: "Id in the model manifest.", examples: ["pp-ocrv4"] }),
    sha256,
    licence: z
      .string()
      .optional()
      .meta({ description: "SPDX expression.", examples: ["Apache-2.0"] }),
  })
  .meta({ id: "RunModel", description: "A model that was used." });

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
    key: sha256.optional().meta({ description: "Step key: what the cache knows it by." }),
    models: z.array(runModel).optional().meta({ description: "Models used; empty when it uses none." }),
    config: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({
        description: "Effective configuration, defaults filled in.",
        examples: [{ threshold: 0.3 }],
      }),
    inputs: z
      .array(
        z.looseObject({
          port: z.string().meta({ description: "Input port.", examples: ["source"] }),
          sha256,
        }),
      )
      .optional()
      .meta({ description: "Digests of what it read." }),
    worker: z
      .string()
      .optional()
      .meta({ description: "Who did it.", examples: ["stage-media@host-1"] }),
    device: z
      .string()
      .optional()
      .meta({ description: "What it ran on.", examples: ["cpu"] }),
    started_at: z
      .string()
      .optional()
      .meta({ description: "RFC 3339.", examples: ["2026-11-22T10:00:00.000Z"] }),
    wall_ms: milliseconds.optional().meta({ description: "Wall time in ms.", examples: [8_214] }),
    cpu_ms: milliseconds.optional().meta({
      description: "CPU time in ms, child processes included.",
      examples: [14_870],
    }),
    attempts: z
      .int()
      .min(0)
      .optional()
      .meta({ description: "Attempts it took.", examples: [1] }),
  })
  .meta({ id: "Run", description: "One stage's run: where the layers come from." });
export type Run = z.infer<typeof run>;
