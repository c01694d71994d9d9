import { LAYER_VERSION } from "@heimdex/sidecar";
import { bytes, defineStage, layer, many } from "@heimdex/stage-sdk";
import { z } from "zod";
import { ModelEngine } from "../model-engine.ts";
import { defaultThreads, needModel, probeEngine } from "../model-in-use.ts";
import { readKeyframes } from "./read-keyframes.ts";
import type { Sighting } from "./sighting.ts";
import type { TextEngineInit, TextRequest } from "./text-engine.ts";
import { textModelFiles } from "./text-model.ts";

const NAME = "vision.text";

const config = z.object({
  detection_side: z.int().min(320).max(2560).default(960).meta({
    description:
      "Longest side of the picture in which text is looked for, in pixels. Larger finds smaller text and takes longer, with the square.",
  }),
  min_confidence: z.number().min(0).max(1).default(0.6).meta({
    description: "Texts the recognizer is less sure of are left out, 0..1. A lone character needs 0.92 at least.",
  }),
});

/** `vision.text`: what is written in the picture, once for its whole time on screen. */
export function createTextStage(options: { readonly threads?: number } = {}) {
  const threads = options.threads ?? defaultThreads();
  const engine = new ModelEngine<TextEngineInit, TextRequest, Sighting[]>(
    new URL("./text-engine.ts", import.meta.url),
    (model) => ({ files: textModelFiles(model), threads }),
  );

  return defineStage({
    name: NAME,
    version: "0.1.0",
    behaviour: 1,
    description: "Reads written text on keyframes (PP-OCRv4, Chinese and English)",
    inputs: { keyframes: layer("keyframes"), images: many(bytes("image/jpeg", "heimdex.keyframe")) },
    outputs: { text: layer("text") },
    conditions: ["has_video"],
    config,
    resources: { cpu: threads, memoryMiB: 512 },
    timeouts: { stallMs: 5 * 60_000 },

    probe: (signal) => probeEngine(NAME, engine, signal),

    async run({ inputs, config: { detection_side, min_confidence }, signal, ...context }) {
      const model = await needModel(NAME);
      const { items: keyframes } = await inputs.keyframes.json(signal);
      const options = { detectionSide: detection_side, minConfidence: min_confidence };

      const { items, unreadable } = await context.span("PP-OCRv4", { keyframes: keyframes.length }, () =>
        readKeyframes({
          asset: context.asset,
          keyframes,
          images: inputs.images,
          signal,
          onProgress: (done, total) => context.progress(done, total, "keyframes"),
          look: (picture) => engine.ask(model, { picture, ...options }, { signal, cpu: context.cpu }),
        }),
      );
      unreadable.report(keyframes.length, context.partial);
      return { text: { kind: "text", version: LAYER_VERSION.text, items } };
    },
  });
}

export const textStage = createTextStage();
