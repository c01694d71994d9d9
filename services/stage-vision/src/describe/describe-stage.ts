import { type CaptionItem, itemId, type KeyframeItem, LAYER_VERSION } from "@heimdex/sidecar";
import { bytes, defineStage, layer, many } from "@heimdex/stage-sdk";
import { z } from "zod";
import { spanOf } from "../keyframes/keyframe-time.ts";
import { lookAtKeyframes, UnreadableKeyframes } from "../keyframes/look-at-keyframes.ts";
import { ModelEngine } from "../model-engine.ts";
import { defaultThreads, needModel, probeEngine } from "../model-in-use.ts";
import type { CaptionEngineInit, CaptionRequest, CaptionResponse } from "./caption-engine.ts";
import { LookAlikeGroups } from "./look-alikes.ts";
import type { Thumbnail } from "./thumbnail.ts";

const NAME = "vision.describe";

const config = z.object({
  max_keyframes: z.int().min(1).max(2_000).default(60).meta({
    description:
      "So many keyframes of an asset are described at most, evenly spread over those that differ. Each takes seconds of a core.",
  }),
  look_alike: z.number().min(0).max(255).default(5).meta({
    description:
      "Keyframes that differ less are described once: mean difference of 16 x 16 pixels, 0..255. The same empty room stays below 2, somebody who comes in makes 9 and more. 0 describes each.",
  }),
  detail: z.enum(["brief", "detailed", "paragraph"]).default("detailed").meta({
    description: "How much is said: one sentence, a few, or a paragraph. More takes longer and is more often wrong.",
  }),
});

/** `vision.describe`: what is seen, in sentences. Its cost is why it comes last: a plan has no order beyond what is put into what, and other layers as
 * inputs would only make it run again whenever one of them changes; so its engine runs at the lowest priority instead. */
export function createDescribeStage(options: { readonly threads?: number } = {}) {
  const threads = options.threads ?? defaultThreads();
  const engine = new ModelEngine<CaptionEngineInit, CaptionRequest, CaptionResponse>(
    new URL("./caption-engine.ts", import.meta.url),
    ({ dir }) => ({ dir, threads }),
    // At the lowest priority on a busy machine, one picture can take minutes.
    { timeoutMs: 15 * 60_000 },
  );

  return defineStage({
    name: NAME,
    version: "0.1.0",
    behaviour: 1,
    description: "Describes keyframes in sentences",
    inputs: { keyframes: layer("keyframes"), images: many(bytes("image/jpeg", "heimdex.keyframe")) },
    outputs: { captions: layer("captions") },
    conditions: ["has_video"],
    config,
    resources: { cpu: threads, memoryMiB: 2048 },
    timeouts: { attemptMs: 24 * 3600_000, stallMs: 20 * 60_000 },
    deterministic: true,

    probe: (signal) => probeEngine(NAME, engine, signal),

    async run({ inputs, config: settings, signal, asset, ...context }) {
      const model = await needModel(NAME);
      const ask = (request: CaptionRequest) => engine.ask(model, request, { signal, cpu: context.cpu });
      const { items: keyframes } = await inputs.keyframes.json(signal);

      const groups = new LookAlikeGroups(settings.look_alike);
      const unreadable = new UnreadableKeyframes();
      await context.span("thumbnails", { keyframes: keyframes.length }, async () => {
        const looks = lookAtKeyframes({
          ...{ keyframes, images: inputs.images, signal },
          look: (picture) => ask({ kind: "thumbnail", picture }) as Promise<Thumbnail>,
          // As if each were described, too: how many are is known afterwards.
          onProgress: (done, total) => context.progress(done, 2 * total, "looks"),
        });
        for await (const one of looks) {
          if ("seen" in one) groups.add(one.keyframe, one.seen);
          else {
            unreadable.add(one.keyframe, one.unreadable);
            groups.interrupt();
          }
        }
      });
      unreadable.report(keyframes.length, context.partial);

      const chosen = groups.chosen(settings.max_keyframes);
      const items: CaptionItem[] = [];
      await context.span(model.id, { keyframes: chosen.length }, async () => {
        const byId = new Map(chosen.map((group) => [group.described.id, group]));
        const looks = lookAtKeyframes({
          keyframes: chosen.map(({ described }) => described),
          images: inputs.images,
          signal,
          look: (picture) => ask({ kind: "caption", picture, detail: settings.detail }) as Promise<string>,
          onProgress: (done, total) => context.progress(keyframes.length + done, keyframes.length + total, "looks"),
        });
        for await (const one of looks) {
          const text = "seen" in one ? one.seen : "";
          const group = byId.get(one.keyframe.id);
          if (text === "" || group === undefined) continue;
          for (const run of group.runs) items.push(captionOf(asset, run, one.keyframe, text));
        }
      });
      items.sort((a, b) => a.start_ms - b.start_ms);
      return { captions: { kind: "captions" as const, version: LAYER_VERSION.captions as 1, language: "en", items } };
    },
  });
}

/** The text over a stretch of keyframes that look like the described one; it names that one where it is among them, else the first. */
function captionOf(asset: string, run: readonly KeyframeItem[], described: KeyframeItem, text: string): CaptionItem {
  const [first, last] = [run[0], run.at(-1)] as [KeyframeItem, KeyframeItem];
  return {
    id: itemId("caption", asset, "captions", first.start_pts ?? first.start_ms),
    ...spanOf(first, last),
    text,
    keyframe: run.includes(described) ? described.id : first.id,
  };
}

export const describeStage = createDescribeStage();
