import { availableParallelism } from "node:os";
import { EngineProcess, engineFailure } from "@heimdex/engine";
import { LAYER_VERSION } from "@heimdex/sidecar";
import { bytes, defineStage, layer, many, StageFailure } from "@heimdex/stage-sdk";
import { z } from "zod";
import { readKeyframes } from "./read-keyframes.ts";
import type { Sighting } from "./sighting.ts";
import type { TextEngineInit, TextRequest } from "./text-engine.ts";
import { locateTextModel } from "./text-model.ts";
import type { TextModelFiles } from "./text-reader.ts";

const config = z.object({
  detection_side: z.int().min(320).max(2560).default(960).meta({
    description:
      "Longest side of the picture in which text is looked for, in pixels. Larger finds smaller text and takes longer, with the square.",
  }),
  min_confidence: z.number().min(0).max(1).default(0.6).meta({
    description: "Texts the recognizer is less sure of are left out, 0..1. A lone character needs 0.92 at least.",
  }),
});

/** Half the cores: speech, decoding and embedding run beside it. */
const defaultThreads = () => Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));

/** `vision.text`: what is written in the picture, once for its whole time on screen. */
export function createTextStage(options: { readonly threads?: number } = {}) {
  let engine: EngineProcess<TextEngineInit, TextRequest, Sighting[]> | undefined;
  const startEngine = (files: TextModelFiles) => {
    engine ??= new EngineProcess(new URL("./text-engine.ts", import.meta.url), {
      files,
      threads: options.threads ?? defaultThreads(),
    });
    return engine;
  };

  return defineStage({
    name: "vision.text",
    version: "0.1.0",
    behaviour: 1,
    description: "Reads written text on keyframes (PP-OCRv4, Chinese and English)",
    inputs: { keyframes: layer("keyframes"), images: many(bytes("image/jpeg", "heimdex.keyframe")) },
    outputs: { text: layer("text") },
    conditions: ["has_video"],
    config,
    resources: { cpu: options.threads ?? defaultThreads(), memoryMiB: 512 },
    timeouts: { stallMs: 5 * 60_000 },

    async probe(signal) {
      const located = await locateTextModel();
      if (!located.available) return located;
      try {
        await startEngine(located.files).start(signal);
      } catch (error) {
        signal.throwIfAborted();
        const message = error instanceof Error ? error.message : String(error);
        return { available: false, reason: "ENGINE_FAILED", help: `Text recognition cannot start here: ${message}` };
      }
      return { available: true, models: [located.model] };
    },

    async run({ inputs, config: { detection_side, min_confidence }, signal, ...context }) {
      const located = await locateTextModel();
      if (!located.available) {
        throw new StageFailure("TERMINAL", located.reason, "The text recognition model is gone.", {
          help: located.help,
        });
      }
      const running = startEngine(located.files);
      const { items: keyframes } = await inputs.keyframes.json(signal);
      const images = new Map(inputs.images.map((image) => [image.sha256, image]));

      const { items, unreadable } = await context.span("PP-OCRv4", { keyframes: keyframes.length }, () =>
        readKeyframes({
          asset: context.asset,
          keyframes,
          signal,
          onProgress: (done, total) => context.progress(done, total, "keyframes"),
          async read({ id, image }) {
            const artifact = images.get(image.sha256);
            if (artifact === undefined) {
              throw new StageFailure("TERMINAL", "KEYFRAME_MISSING", `No picture came for keyframe ${id}.`, {
                help: "The stage that makes keyframes must put out every picture its layer names.",
              });
            }
            const picture = artifact.path ?? (await artifact.read(signal));
            const request = { picture, detectionSide: detection_side, minConfidence: min_confidence };
            const { value, cpuMs } = await running.call(request, signal).catch((error) => {
              throw engineFailure(error);
            });
            context.cpu(cpuMs);
            return value;
          },
        }),
      );

      const [first] = unreadable;
      if (first !== undefined) {
        const message = `${unreadable.length} of ${keyframes.length} keyframes cannot be read, first ${first.keyframe.id}: ${first.reason}`;
        if (unreadable.length === keyframes.length) {
          throw new StageFailure("INPUT_REJECTED", "KEYFRAMES_UNREADABLE", message, {
            help: "Run media.analyze of this asset again; if it happens again, its pictures are broken.",
          });
        }
        context.partial(message);
      }
      return { text: { kind: "text", version: LAYER_VERSION.text, items } };
    },
  });
}

export const textStage = createTextStage();
