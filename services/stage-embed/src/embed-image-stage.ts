import { EngineError } from "@heimdex/engine";
import { type EmbeddingItem, itemId } from "@heimdex/sidecar";
import { bytes, defineStage, layer, many, optional, StageFailure } from "@heimdex/stage-sdk";
import { z } from "zod";
import { PictureEmbedder } from "./pictures/picture-embedder.ts";
import { PICTURE_MODELS } from "./pictures/picture-model.ts";
import { answerOf, parseRequest } from "./query-vector.ts";
import { SpaceModels } from "./space-models.ts";
import { embeddingOutputs } from "./vector-matrix.ts";

/** A query, as the interactive lane brings it: a text, or a JPEG, PNG or WebP picture; in the chosen model's space, or in the one named. */
const request = z.union([
  z.strictObject({ text: z.string().max(10_000), space: z.string().optional() }),
  z.strictObject({ image: z.base64().min(1), space: z.string().optional() }),
]);

/** The picture models this stage can run, those of this process. */
export function pictureModels(): SpaceModels<PictureEmbedder> {
  return new SpaceModels(
    "embed.image",
    PICTURE_MODELS.map((model) => [model.id, (located) => new PictureEmbedder(model, located)]),
  );
}

/** `embed.image`: what is seen on each keyframe as a vector, and pictures or words to search with in the same space. */
export function createEmbedImageStage(models = pictureModels()) {
  return defineStage({
    name: "embed.image",
    version: "0.1.0",
    behaviour: 1,
    description: "Vectors of what is seen on keyframes, by the picture model that is chosen",
    inputs: { keyframes: layer("keyframes"), images: many(bytes("image/jpeg", "heimdex.keyframe")) },
    outputs: {
      embeddings: layer("embeddings", "image"),
      vectors: optional(bytes("application/octet-stream", "heimdex.vectors.image")),
    },
    conditions: ["has_video"],
    resources: { cpu: 1, memoryMiB: 768 },
    timeouts: { stallMs: 5 * 60_000 },
    deterministic: true,

    probe: (signal) => models.probe(signal),

    async run({ inputs, asset, signal, progress, partial, span, cpu }) {
      const embedder = await models.ofChosen();
      const { items: keyframes } = await inputs.keyframes.json(signal);
      const images = new Map(inputs.images.map((image) => [image.sha256, image]));
      const known = new Map<string, Float32Array>();
      const made: { item: Omit<EmbeddingItem, "vector">; vector: Float32Array }[] = [];
      const unreadable: string[] = [];

      await span("embed keyframes", { model: embedder.space.model, keyframes: keyframes.length }, async () => {
        for (const [i, { id, start_ms, end_ms, start_pts, image }] of keyframes.entries()) {
          progress(i, keyframes.length, "keyframes");
          const artifact = images.get(image.sha256);
          if (artifact === undefined) {
            throw new StageFailure("TERMINAL", "KEYFRAME_MISSING", `No picture came for keyframe ${id}.`, {
              help: "The stage that makes keyframes must put out every picture its layer names.",
            });
          }
          try {
            let vector = known.get(image.sha256);
            if (vector === undefined) {
              const embedded = await embedder.embedKeyframe(artifact.path ?? (await artifact.read(signal)), signal);
              cpu(embedded.cpuMs);
              vector = embedded.vector;
              known.set(image.sha256, vector);
            }
            const own = itemId("embedding", asset, "image", start_pts ?? start_ms, id);
            made.push({ item: { id: own, start_ms, end_ms, of: "keyframe", item: id }, vector });
          } catch (error) {
            if (!(error instanceof EngineError) || error.code !== "PICTURE_UNREADABLE") throw error;
            unreadable.push(`${id}: ${error.message}`);
          }
        }
        progress(keyframes.length, keyframes.length, "keyframes");
      });

      if (unreadable.length > 0) {
        const message = `${unreadable.length} of ${keyframes.length} keyframes cannot be read, first ${unreadable[0]}`;
        if (made.length === 0) {
          throw new StageFailure("INPUT_REJECTED", "KEYFRAMES_UNREADABLE", message, {
            help: "Run media.analyze of this asset again; if it happens again, its pictures are broken.",
          });
        }
        partial(message);
      }
      return embeddingOutputs(embedder.space, made);
    },

    async interactive(bytes, signal) {
      const form = '{"text": "..."} or {"image": "base64"}, with "space"?: "..."';
      const query = parseRequest(request, bytes, form);
      const embedder = query.space === undefined ? await models.ofChosen() : await models.ofSpace(query.space);
      if ("image" in query) {
        const picture = Buffer.from(query.image, "base64");
        return answerOf(embedder.space, { vector: await embedder.embedQuery({ picture }, signal) });
      }
      if (!embedder.texts) return answerOf(undefined, { vector: [] });
      return answerOf(embedder.space, { vector: await embedder.embedQuery({ text: query.text }, signal) });
    },
  });
}
