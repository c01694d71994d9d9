import { createHash } from "node:crypto";
import { momentsOf } from "@heimdex/search";
import { type AnyStage, bytes, defineStage, layer, mediaFacts, StageFailure } from "@heimdex/stage-sdk";
import { note, type Runs } from "./stages.ts";

/** A text model small enough to be written down: one axis for what is about water, the last one for all else. Test code only. */
export interface MadeModel {
  readonly id: string;
  readonly space: string;
  readonly dimension: number;
}

const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");

export function madeModel(id: string, dimension: number): MadeModel {
  return { id, space: sha256(`space of ${id}`), dimension };
}

export function vectorOf({ dimension }: MadeModel, text: string): Float32Array {
  const vector = new Float32Array(dimension);
  vector[/harbour|boat|sea/.test(text) ? 0 : dimension - 1] = 1;
  return vector;
}

/** What is said in each moment as a vector. Fails for good where somebody says `unspeakable for <model>`, and finds nothing where it is
 * `wordless for <model>`. */
export function embed(model: MadeModel, runs?: Runs): AnyStage {
  return defineStage({
    name: "made.embed",
    version: "1.0.0",
    behaviour: 1,
    description: "Says what is meant.",
    inputs: { media: mediaFacts(), transcript: layer("transcript") },
    outputs: {
      embeddings: layer("embeddings"),
      vectors: { ...bytes("application/octet-stream", "made.vectors"), optional: true },
    },
    slots: 4,
    async probe() {
      return { available: true, models: [{ id: model.id, sha256: sha256(model.id), licence: "MIT" }] };
    },
    async run({ inputs, asset }) {
      note(runs, `made.embed ${model.id}`);
      const moments = momentsOf({
        asset,
        media: await inputs.media.json(),
        layers: [await inputs.transcript.json()],
      });
      if (moments.some(({ spoken }) => spoken.includes(`unspeakable for ${model.id}`)))
        throw new StageFailure("TERMINAL", "UNSPEAKABLE", `${model.id} has no words for it.`, { help: "Say less." });
      const made = moments.filter(({ spoken }) => !spoken.includes(`wordless for ${model.id}`));
      const space = { id: model.space, model: model.id, dimension: model.dimension, metric: "cosine" as const };
      const matrix = Buffer.concat(
        made.map(({ spoken }) => new Uint8Array(vectorOf(model, spoken).buffer as ArrayBuffer)),
      );
      const items = made.map(({ id, start_ms, end_ms }, vector) => ({
        id,
        start_ms,
        end_ms,
        of: "moment" as const,
        vector,
      }));
      const embeddings = { kind: "embeddings" as const, version: 1 as const, space, items };
      if (items.length === 0) return { embeddings };
      const vectors = { sha256: sha256(matrix), size: matrix.length, media_type: "application/octet-stream" };
      return { embeddings: { ...embeddings, vectors }, vectors: { bytes: matrix } };
    },
  });
}
