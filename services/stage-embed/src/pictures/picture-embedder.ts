import { EngineError, EngineProcess, modelFailure } from "@heimdex/engine";
import type { Space } from "@heimdex/sidecar";
import { StageFailure } from "@heimdex/stage-sdk";
import { spaceOf } from "../embedding-space.ts";
import type { Located, SpaceModel } from "../space-models.ts";
import type { PictureEngineInit, PictureRequest, PictureResponse } from "./picture-engine.ts";
import type { PictureModel } from "./picture-model.ts";

/** Longest time for a query: a picture that takes longer is an attack, not a question. */
const QUERY_TIMEOUT_MS = 10_000;

type Engine = EngineProcess<PictureEngineInit, PictureRequest, PictureResponse>;

/** A picture model in two processes of its own: one for keyframes, which ends when idle, and one that only answers queries and stays. */
export class PictureEmbedder implements SpaceModel {
  readonly space: Space;
  /** Whether texts have vectors in this space. */
  readonly texts: boolean;
  readonly #id: string;
  readonly #keyframes: Engine;
  readonly #queries: Engine;

  constructor(model: PictureModel, located: Located) {
    this.#id = model.id;
    this.texts = model.texts;
    this.space = spaceOf(located, model.preprocessing, model.dimension);
    const entry = new URL("./picture-engine.ts", import.meta.url);
    this.#keyframes = new EngineProcess(entry, model.init(located, "batch"));
    const options = { urgent: true, idleMs: Number.POSITIVE_INFINITY, timeoutMs: QUERY_TIMEOUT_MS };
    this.#queries = new EngineProcess(entry, model.init(located, "query"), options);
  }

  async warmUp(signal: AbortSignal): Promise<void> {
    await this.#queries.start(signal).catch((error) => {
      signal.throwIfAborted();
      throw modelFailure(this.#id, error);
    });
  }

  /** The vector of a keyframe, a local file or its bytes, and the CPU time used outside this process in ms.
   * Rejects with EngineError PICTURE_UNREADABLE for this picture alone, else with a StageFailure. */
  async embedKeyframe(picture: string | Uint8Array, signal: AbortSignal) {
    const { value, cpuMs } = await this.#ask(this.#keyframes, { picture }, signal);
    if (value === undefined) throw new Error("a picture has a vector");
    return { vector: value, cpuMs };
  }

  /** Never waits behind keyframes. A picture that cannot be decoded is INPUT_REJECTED PICTURE_UNREADABLE. */
  async embedQuery(query: PictureRequest, signal: AbortSignal): Promise<readonly number[]> {
    try {
      return [...((await this.#ask(this.#queries, query, signal)).value ?? [])];
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new StageFailure("INPUT_REJECTED", error.code, error.message, {
        help: "Search with a JPEG, PNG or WebP picture of at most 100 megapixels.",
        cause: error,
      });
    }
  }

  async #ask(engine: Engine, request: PictureRequest, signal: AbortSignal) {
    try {
      return await engine.call(request, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw modelFailure(this.#id, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#keyframes[Symbol.asyncDispose](), this.#queries[Symbol.asyncDispose]()]);
  }
}
