import { type FileHandle, open } from "node:fs/promises";
import ort from "onnxruntime-node";
import { type SegmenterOptions, type SpeechRegion, SpeechSegmenter } from "./speech-segmenter.ts";
import { durationMs, SAMPLE_RATE, SAMPLES_PER_MS, type WavAudio } from "./wav-audio.ts";

/** Samples the model judges at once at 16 kHz. */
const WINDOW = 512;
/** Samples of the window before that the model wants in front: `OnnxWrapper.__call__` in snakers4/silero-vad. */
const CONTEXT = 64;
/** Windows read from disk at once: 8 s of audio, 256 KiB. Memory does not grow with the length of the audio. */
const WINDOWS_PER_READ = 250;

/** The Silero voice activity detector (github.com/snakers4/silero-vad, MIT), versions 5 and 6: 512 samples of 16 kHz
 * with 64 samples of context, and a recurrent state of 2 x 1 x 128. `run()` of onnxruntime-node blocks: use this in a
 * thread of its own (`VadThread`). */
export class SileroVad {
  readonly #session: ort.InferenceSession;
  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** @throws Error when the file is no such model: version 4 and older (inputs `h` and `c`) are not spoken here */
  static async open(modelPath: string): Promise<SileroVad> {
    const session = await ort.InferenceSession.create(modelPath, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 3,
    });
    const names = session.inputNames.join(",");
    if (!["input", "state", "sr"].every((name) => session.inputNames.includes(name))) {
      await session.release();
      throw new Error(`${modelPath} has the inputs ${names}; Silero VAD 5 or 6 has input, state and sr`);
    }
    return new SileroVad(session);
  }

  /** Finds speech. Stops early, with what it has, when `stopped()` turns true between reads.
   * @param onProgress ms of audio done, after each read */
  async detect(
    audio: WavAudio,
    options: SegmenterOptions,
    stopped: () => boolean,
    onProgress: (ms: number) => void,
  ): Promise<SpeechRegion[]> {
    const regions: SpeechRegion[] = [];
    const segmenter = new SpeechSegmenter(options);
    let samples = 0;
    for await (const probability of this.#probabilities(audio, stopped)) {
      regions.push(...segmenter.push(probability));
      samples += WINDOW;
      if (samples % (WINDOW * WINDOWS_PER_READ) === 0) onProgress(samples / SAMPLES_PER_MS);
    }
    regions.push(...segmenter.finish(durationMs(audio)));
    return regions;
  }

  /** Probability of speech for each window in order; the last one is filled up with silence. */
  async *#probabilities(audio: WavAudio, stopped: () => boolean): AsyncGenerator<number> {
    const sr = new ort.Tensor("int64", BigInt64Array.of(BigInt(SAMPLE_RATE)), []);
    let state: ort.Tensor = new ort.Tensor("float32", new Float32Array(2 * 128), [2, 1, 128]);
    const input = new Float32Array(CONTEXT + WINDOW);
    await using file = await open(audio.path, "r");
    const bytes = Buffer.alloc(WINDOW * WINDOWS_PER_READ * 2);
    for (let at = 0; at < audio.samples && !stopped(); at += WINDOW * WINDOWS_PER_READ) {
      const samples = await readSamples(file, bytes, audio, at);
      for (let start = 0; start < samples; start += WINDOW) {
        input.copyWithin(0, WINDOW); // the end of the window before becomes the context
        for (let i = 0; i < WINDOW; i++) {
          input[CONTEXT + i] = start + i < samples ? bytes.readInt16LE((start + i) * 2) / 32_768 : 0;
        }
        const tensor = new ort.Tensor("float32", input, [1, CONTEXT + WINDOW]);
        const answer = await this.#session.run({ input: tensor, state, sr });
        const next = answer.stateN;
        const probability = answer.output?.data[0];
        if (next === undefined || typeof probability !== "number") throw new Error("the voice model gave no answer");
        state = next;
        yield probability;
      }
    }
  }
}

/** @returns samples read; a file that shrank meanwhile simply ends */
async function readSamples(file: FileHandle, into: Buffer, audio: WavAudio, at: number): Promise<number> {
  const wanted = Math.min(into.length, (audio.samples - at) * 2);
  const { bytesRead } = await file.read(into, 0, wanted, audio.dataOffset + at * 2);
  return Math.floor(bytesRead / 2);
}
