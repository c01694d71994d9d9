import type { MomentLayer } from "@heimdex/search";
import { bytes, defineStage, layer, mediaFacts, optional, StageFailure } from "@heimdex/stage-sdk";
import { z } from "zod";
import { momentVectors } from "./moment-vectors.ts";
import { TextModel } from "./text-model.ts";

/** A query, as the interactive lane brings it: JSON in UTF-8. */
const request = z.object({ text: z.string().max(10_000) });

/** What the interactive lane answers: JSON in UTF-8. */
export interface QueryVector {
  /** Id of the space; only rows of the same one compare. */
  readonly space: string;
  /** L2-normalised; empty when no word is known. */
  readonly vector: readonly number[];
  /** Words of the query the model knows, and those it does not; function words are in neither. */
  readonly known: readonly string[];
  readonly unknown: readonly string[];
}

/** `embed.text`: what is said and written in each moment as a vector, and queries in the same space.
 * Averaging word vectors is a matter of microseconds (a ten-hour film takes some 20 ms), so both run on the event loop: there is no
 * model call that a query would have to wait behind, and a thread would only add the copies. */
export function createEmbedTextStage(model = new TextModel()) {
  return defineStage({
    name: "embed.text",
    version: "0.1.0",
    behaviour: 1,
    description: "Vectors of what is said and written (English word vectors)",
    inputs: {
      media: mediaFacts(),
      scenes: optional(layer("scenes")),
      shots: optional(layer("shots")),
      transcript: optional(layer("transcript")),
      subtitles: optional(layer("transcript", "subtitles")),
      text: optional(layer("text")),
    },
    outputs: {
      embeddings: layer("embeddings", "text"),
      vectors: optional(bytes("application/octet-stream", "heimdex.vectors")),
    },
    resources: { cpu: 0.25, memoryMiB: 160 },
    timeouts: { attemptMs: 10 * 60_000, stallMs: 2 * 60_000 },
    deterministic: true,

    async probe(signal) {
      const located = await model.locate();
      if (!located.available) return located;
      signal.throwIfAborted();
      // Read now, so that the first query does not wait for the disk.
      const { space } = await model.embedder();
      return { available: true, models: [{ id: space.model, sha256: located.sha256, licence: located.licence }] };
    },

    async run({ inputs, asset, signal, progress, span }) {
      const embedder = await model.embedder();
      const media = await inputs.media.json(signal);
      const layers: MomentLayer[] = [];
      for (const name of ["scenes", "shots", "text"] as const) {
        const found = await inputs[name]?.json(signal);
        if (found !== undefined) layers.push(found);
      }
      const heard = await inputs.transcript?.json(signal);
      if (heard !== undefined) layers.push({ ...heard, run: "run_asr.transcribe" });
      const read = await inputs.subtitles?.json(signal);
      if (read !== undefined) layers.push({ ...read, run: "run_asr.subtitles" });

      const made = await span("embed moments", { model: embedder.space.model }, async () =>
        momentVectors({ asset, media, layers }, embedder),
      );
      progress(made.layer.items.length, made.layer.items.length, "moments");
      return { embeddings: made.layer, ...(made.bytes === undefined ? {} : { vectors: { bytes: made.bytes } }) };
    },

    async interactive(bytes) {
      const { text } = parseRequest(bytes);
      const embedder = await model.embedder();
      const { vector, known, unknown } = embedder.embed(text);
      const answer: QueryVector = { space: embedder.space.id, vector: [...(vector ?? [])], known, unknown };
      return Buffer.from(JSON.stringify(answer));
    },
  });
}

function parseRequest(bytes: Uint8Array): z.output<typeof request> {
  try {
    return request.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (error) {
    throw new StageFailure(
      "INPUT_REJECTED",
      "REQUEST_INVALID",
      `A query to embed must be {"text": "..."}: ${(error as Error).message}`,
      {
        help: "Send UTF-8 JSON with a text of at most 10,000 characters.",
        cause: error,
      },
    );
  }
}
