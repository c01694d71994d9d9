import { LAYER_VERSION, type StageLayer } from "@heimdex/sidecar";
import { bytes, defineStage, layer, many, optional } from "@heimdex/stage-sdk";
import { z } from "zod";
import { blobOf, jsonLines } from "../blobs/blob-of.ts";
import { lookAtKeyframes, UnreadableKeyframes } from "../keyframes/look-at-keyframes.ts";
import { ModelEngine } from "../model-engine.ts";
import { defaultThreads, needModel, probeEngine } from "../model-in-use.ts";
import type { SeenObject } from "./object-engine.ts";
import { ObjectTimeline } from "./object-timeline.ts";
import type { ObjectsEngineInit, ObjectsRequest } from "./objects-engine.ts";

const NAME = "vision.objects";

const config = z.object({
  min_confidence: z.number().min(0).max(1).default(0.3).meta({
    description:
      "Things the model is less sure of are left out, 0..1. Small models are sure of little: a bottle in plain view comes with 0.4 to 0.6, what is wrong mostly below 0.3.",
  }),
  max_objects_per_keyframe: z.int().min(1).max(300).default(50).meta({
    description: "The surest so many things on one keyframe.",
  }),
});

/** `vision.objects`: what is seen, by label, once for each stretch of time. */
export function createObjectsStage(options: { readonly threads?: number } = {}) {
  const threads = options.threads ?? defaultThreads();
  const engine = new ModelEngine<ObjectsEngineInit, ObjectsRequest, SeenObject[]>(
    new URL("./objects-engine.ts", import.meta.url),
    ({ id, files }) => ({ model: id, files, threads }),
  );

  return defineStage({
    name: NAME,
    version: "0.1.0",
    behaviour: 2,
    description: "Finds things and people on keyframes (80 kinds)",
    inputs: { keyframes: layer("keyframes"), images: many(bytes("image/jpeg", "heimdex.keyframe")) },
    outputs: {
      objects: layer("objects"),
      tracks: optional(bytes("application/x-ndjson", "heimdex.object-tracks")),
    },
    conditions: ["has_video"],
    config,
    resources: { cpu: threads, memoryMiB: 512 },
    timeouts: { stallMs: 5 * 60_000 },

    probe: (signal) => probeEngine(NAME, engine, signal),

    async run({ inputs, config: settings, signal, asset, ...context }) {
      const model = await needModel(NAME);
      const options = { minConfidence: settings.min_confidence, maxObjects: settings.max_objects_per_keyframe };
      const { items: keyframes } = await inputs.keyframes.json(signal);
      const timeline = new ObjectTimeline(asset);
      const unreadable = new UnreadableKeyframes();

      await context.span(model.id, { keyframes: keyframes.length }, async () => {
        const looks = lookAtKeyframes({
          keyframes,
          images: inputs.images,
          signal,
          onProgress: (done, total) => context.progress(done, total, "keyframes"),
          look: (picture) => engine.ask(model, { picture, ...options }, { signal, cpu: context.cpu }),
        });
        for await (const one of looks) {
          if ("unreadable" in one) unreadable.add(one.keyframe, one.unreadable);
          timeline.add(one.keyframe, "seen" in one ? one.seen : []);
        }
      });
      unreadable.report(keyframes.length, context.partial);

      const objects: StageLayer<"objects"> = {
        kind: "objects",
        version: LAYER_VERSION.objects as 1,
        items: timeline.items(),
      };
      if (objects.items.length === 0) return { objects };
      const tracks = jsonLines(timeline.sightings());
      return { objects: { ...objects, tracks: blobOf(tracks, "application/x-ndjson") }, tracks: { bytes: tracks } };
    },
  });
}

export const objectsStage = createObjectsStage();
