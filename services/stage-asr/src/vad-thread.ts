import { Worker } from "node:worker_threads";
import { StageFailure } from "@heimdex/stage-sdk";
import type { SegmenterOptions, SpeechRegion } from "./speech-segmenter.ts";
import type { VadAnswer, VadRequest } from "./vad-worker.ts";
import type { WavAudio } from "./wav-audio.ts";

interface Waiting {
  resolve(regions: SpeechRegion[]): void;
  reject(error: unknown): void;
  onProgress(ms: number): void;
}

/** A thread that finds speech; it holds the model for as long as it lives. Idle, it does not keep the process alive. */
export class VadThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #ended: Error | undefined;

  /** @param modelPath Silero VAD 5 or 6 as ONNX; a file that is none fails each `detect` */
  constructor(modelPath: string) {
    this.#worker = new Worker(new URL("./vad-worker.ts", import.meta.url), { workerData: { modelPath } });
    this.#worker.on("message", (answer: VadAnswer) => this.#take(answer));
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", (code) => this.#end(new Error(`the thread ended with code ${code}`)));
    this.#holdWhileBusy(); // after the listeners: to listen takes hold of the process
  }

  /** Whether it still answers. */
  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** Finds speech in the audio; requests are answered one after the other.
   * @param onProgress ms of audio done, every few seconds of audio
   * @throws StageFailure RETRYABLE VAD_FAILED. An aborted call rejects with `signal.reason`. */
  async detect(
    audio: WavAudio,
    options: SegmenterOptions,
    signal: AbortSignal,
    onProgress: (ms: number) => void = () => {},
  ): Promise<SpeechRegion[]> {
    signal.throwIfAborted();
    if (this.#ended) throw vadFailed(this.#ended);
    const id = this.#next++;
    const stop = new SharedArrayBuffer(4);
    const { promise, resolve, reject } = Promise.withResolvers<SpeechRegion[]>();
    this.#waiting.set(id, { resolve, reject, onProgress });
    const abort = () => {
      Atomics.store(new Int32Array(stop), 0, 1);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#holdWhileBusy();
    try {
      this.#worker.postMessage({ id, audio, options, stop } satisfies VadRequest);
      return await promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#waiting.delete(id);
      this.#holdWhileBusy();
    }
  }

  /** Ends the thread; twice is fine. Calls under way reject. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new Error("the thread was closed"));
    await this.#worker.terminate();
  }

  /** The process may end while nothing is asked of the thread, not before. */
  #holdWhileBusy(): void {
    if (this.#waiting.size > 0) this.#worker.ref();
    else this.#worker.unref();
  }

  #take(answer: VadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (answer.kind === "progress") waiting?.onProgress(answer.ms);
    else if (answer.kind === "regions") waiting?.resolve(answer.regions);
    else waiting?.reject(vadFailed(new Error(answer.message)));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(vadFailed(error));
  }
}

function vadFailed(cause: Error): StageFailure {
  return new StageFailure("RETRYABLE", "VAD_FAILED", `The voice detector failed: ${cause.message}.`, {
    help: "Check the model with `heimdex models verify silero-vad`.",
    cause,
  });
}
