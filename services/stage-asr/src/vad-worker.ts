import { parentPort, workerData } from "node:worker_threads";
import { SileroVad } from "./silero-vad.ts";
import type { SegmenterOptions, SpeechRegion } from "./speech-segmenter.ts";
import type { WavAudio } from "./wav-audio.ts";

/** What the thread is asked. */
export interface VadRequest {
  readonly id: number;
  readonly audio: WavAudio;
  readonly options: SegmenterOptions;
  /** One Int32; not 0: stop. Shared, because a thread inside the model reads no messages. */
  readonly stop: SharedArrayBuffer;
}

/** What the thread answers: any number of `progress`, then one of the others. */
export type VadAnswer = { readonly id: number } & (
  | { readonly kind: "progress"; readonly ms: number }
  | { readonly kind: "regions"; readonly regions: SpeechRegion[] }
  | { readonly kind: "error"; readonly message: string }
);

/** Opened once for the thread's life; a failure is told to each request. */
const opened = SileroVad.open((workerData as { modelPath: string }).modelPath);
opened.catch(() => undefined); // awaited by each request; without this an early failure would end the process

async function answer(request: VadRequest): Promise<VadAnswer> {
  const { id, audio, options } = request;
  const stop = new Int32Array(request.stop);
  try {
    const vad = await opened;
    const stopped = () => Atomics.load(stop, 0) !== 0;
    const progress = (ms: number) => parentPort?.postMessage({ id, kind: "progress", ms } satisfies VadAnswer);
    return { id, kind: "regions", regions: await vad.detect(audio, options, stopped, progress) };
  } catch (error) {
    return { id, kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
}

let last: Promise<void> = Promise.resolve();
parentPort?.on("message", (request: VadRequest) => {
  // One after the other: two at once would only share the one core this thread has.
  last = last.then(async () => parentPort?.postMessage(await answer(request)));
});
