import { type MomentLayer, momentsOf } from "@heimdex/search";
import { bytes, defineStage, layer, mediaFacts, optional } from "@heimdex/stage-sdk";
import { z } from "zod";
import { answerOf, parseRequest } from "./query-vector.ts";
import { SentenceEmbedder } from "./sentences/sentence-embedder.ts";
import { SENTENCE_MODELS } from "./sentences/sentence-model.ts";
import { type Located, SpaceModels } from "./space-models.ts";
import type { TextEmbedder } from "./text-embedder.ts";
import { embeddingOutputs } from "./vector-matrix.ts";
import { WORD_MODEL, WordEmbedder } from "./words/word-embedder.ts";

/** A query, as the interactive lane brings it; in the chosen model's space, or in the one named. */
const request = z.object({ text: z.string().max(10_000), space: z.string().optional() });

/** The text models this stage can run, those of this process. */
export function textModels(): SpaceModels<TextEmbedder> {
  return new SpaceModels<TextEmbedder>("embed.text", [
    [WORD_MODEL, (located) => new WordEmbedder(located)],
    ...SENTENCE_MODELS.map((model) => [model.id, (located: Located) => new SentenceEmbedder(model, located)] as const),
  ]);
}

/** `embed.text`: what is said and written in each moment as a vector, and queries in the same space. */
export function createEmbedTextStage(models = textModels()) {
  return defineStage({
    name: "embed.text",
    version: "0.1.0",
    behaviour: 1,
    description: "Vectors of what is said and written, by the text model that is chosen",
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

    probe: (signal) => models.probe(signal),

    async run({ inputs, asset, signal, progress, span, cpu }) {
      const embedder = await models.ofChosen();
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

      const moments = momentsOf({ asset, media, layers });
      const texts = moments.map(({ spoken, written, described }) => `${spoken}\n${written}\n${described}`);
      const { vectors, cpuMs } = await span(
        "embed moments",
        { model: embedder.space.model, moments: texts.length },
        () => embedder.embedTexts(texts, (done, total) => progress(done, total, "moments"), signal),
      );
      cpu(cpuMs);
      const made = moments.flatMap(({ id, start_ms, end_ms }, i) => {
        const vector = vectors[i];
        return vector === undefined ? [] : [{ item: { id, start_ms, end_ms, of: "moment" as const }, vector }];
      });
      return embeddingOutputs(embedder.space, made);
    },

    async interactive(bytes, signal) {
      const { text, space } = parseRequest(request, bytes, '{"text": "...", "space"?: "..."}');
      const embedder = space === undefined ? await models.ofChosen() : await models.ofSpace(space);
      return answerOf(embedder.space, await embedder.embedQuery(text, signal));
    },
  });
}
