import { bytes, defineStage, layer, many, StageFailure } from "@heimdex/stage-sdk";
import sharp from "sharp";
import { colourHistogram, groupScenes, type Histogram } from "./scenes.ts";

/** Scenes from shots and the pictures that stand for them. */
export const scenesStage = defineStage({
  name: "media.scenes",
  version: "0.1.0",
  behaviour: 1,
  description: "Groups shots that look alike into scenes",
  inputs: {
    shots: layer("shots"),
    keyframes: layer("keyframes"),
    images: many(bytes("image/jpeg", "heimdex.keyframe")),
  },
  outputs: { scenes: layer("scenes") },
  resources: { cpu: 1, memoryMiB: 256 },
  deterministic: true,
  async run({ inputs, signal, asset, progress }) {
    const [shots, keyframes] = await Promise.all([inputs.shots.json(signal), inputs.keyframes.json(signal)]);
    const byDigest = new Map<string, Histogram>();
    for (const [done, image] of inputs.images.entries()) {
      signal.throwIfAborted();
      byDigest.set(image.sha256, await histogramOf(await image.read(signal)));
      progress(done + 1, inputs.images.length, "keyframes");
    }
    const pictures = new Map<string, Histogram>();
    for (const { id, image } of keyframes.items) {
      const histogram = byDigest.get(image.sha256);
      if (histogram !== undefined) pictures.set(id, histogram);
    }
    const items = groupScenes(asset, shots.items, keyframes.items, pictures);
    return { scenes: { kind: "scenes" as const, version: 1 as const, items } };
  },
});

/** Colours of a JPEG, on 64 x 36 pixels whatever its shape: a histogram does not care. */
export async function histogramOf(jpeg: Uint8Array): Promise<Histogram> {
  try {
    const rgb = await sharp(jpeg)
      .resize(64, 36, { fit: "fill", kernel: "linear" })
      .removeAlpha()
      .toColourspace("srgb")
      .raw()
      .toBuffer();
    return colourHistogram(rgb);
  } catch (cause) {
    throw new StageFailure("TERMINAL", "KEYFRAME_UNREADABLE", "a keyframe is not a JPEG that can be decoded", {
      help: "Index the asset again without the cache.",
      cause,
    });
  }
}
