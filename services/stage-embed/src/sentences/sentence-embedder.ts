import { EngineProcess, modelFailure } from "@heimdex/engine";
import type { Space } from "@heimdex/sidecar";
import { spaceOf } from "../embedding-space.ts";
import type { EmbeddedQuery, OnTexts, TextEmbedder } from "../text-embedder.ts";
import { threadsFor } from "../threads.ts";
import type { SentenceEncoderOptions } from "./sentence-encoder.ts";
import type { SentenceRequest, SentenceResponse } from "./sentence-engine.ts";
import { PREPROCESSING, type SentenceModel } from "./sentence-model.ts";

/** Texts per message to the process: enough that messages cost nothing, few enough that progress is seen. */
const TEXTS_A_CALL = 16;

type Engine = EngineProcess<SentenceEncoderOptions, SentenceRequest, SentenceResponse>;

/** A sentence model in two processes of its own: one for batches, which ends when idle, and one that only answers queries and stays. */
export class SentenceEmbedder implements TextEmbedder {
  readonly space: Space;
  readonly #model: SentenceModel;
  readonly #batch: Engine;
  readonly #queries: Engine;

  /** @param located the model's folder, and the digest over its files */
  constructor(model: SentenceModel, located: { readonly dir: string; readonly sha256: string }) {
    this.#model = model;
    this.space = spaceOf({ id: model.id, sha256: located.sha256 }, PREPROCESSING, model.dimension);
    const entry = new URL("./sentence-engine.ts", import.meta.url);
    const { dimension, window } = model;
    const init = (threads: number) => ({ dir: located.dir, dimension, window, threads });
    this.#batch = new EngineProcess(entry, init(threadsFor("batch")));
    this.#queries = new EngineProcess(entry, init(threadsFor("query")), {
      urgent: true,
      idleMs: Number.POSITIVE_INFINITY,
    });
  }

  async warmUp(signal: AbortSignal): Promise<void> {
    await this.#queries.start(signal).catch((error) => {
      throw modelFailure(this.#model.id, error);
    });
  }

  async embedTexts(texts: readonly string[], onTexts: OnTexts, signal: AbortSignal) {
    const vectors: (Float32Array | undefined)[] = [];
    let cpuMs = 0;
    for (let at = 0; at < texts.length; at += TEXTS_A_CALL) {
      onTexts(at, texts.length);
      const request = { prefix: this.#model.textPrefix, texts: texts.slice(at, at + TEXTS_A_CALL) };
      const answer = await this.#ask(this.#batch, request, signal);
      vectors.push(...answer.value);
      cpuMs += answer.cpuMs;
    }
    onTexts(texts.length, texts.length);
    return { vectors, cpuMs };
  }

  async embedQuery(text: string, signal: AbortSignal): Promise<EmbeddedQuery> {
    const { value } = await this.#ask(this.#queries, { prefix: this.#model.queryPrefix, texts: [text] }, signal);
    return { vector: [...(value[0] ?? [])] };
  }

  async #ask(engine: Engine, request: SentenceRequest, signal: AbortSignal) {
    try {
      return await engine.call(request, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw modelFailure(this.#model.id, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#batch[Symbol.asyncDispose](), this.#queries[Symbol.asyncDispose]()]);
  }
}
