import { access } from "node:fs/promises";
import { EngineError, hostEngine } from "@heimdex/engine";
import sherpa from "sherpa-onnx-node";
import type { RecognizedWord } from "../recognizer.ts";
import { SAMPLE_RATE } from "../wav-audio.ts";
import { wordsOfTokens } from "./token-words.ts";

export interface SherpaInit {
  readonly encoder: string;
  readonly decoder: string;
  readonly joiner: string;
  readonly tokens: string;
  readonly threads: number;
}

export interface SherpaRequest {
  /** 16 kHz mono. */
  readonly pcm: Int16Array;
}

hostEngine<SherpaInit, SherpaRequest, RecognizedWord[]>(async ({ encoder, decoder, joiner, tokens, threads }) => {
  // It ends the process over a file that is not there, and says so on stderr only.
  for (const file of [encoder, decoder, joiner, tokens]) {
    await access(file).catch((cause) => {
      throw new EngineError("MODEL_UNUSABLE", `it has no ${file}`, { cause });
    });
  }
  const recognizer = await sherpa.OfflineRecognizer.createAsync({
    modelConfig: {
      transducer: { encoder, decoder, joiner },
      tokens,
      numThreads: threads,
      provider: "cpu",
      debug: false,
    },
    decodingMethod: "greedy_search",
  });
  return async ({ pcm }) => {
    const stream = recognizer.createStream();
    stream.acceptWaveform({ samples: Float32Array.from(pcm, (sample) => sample / 32_768), sampleRate: SAMPLE_RATE });
    return wordsOfTokens(await recognizer.decodeAsync(stream));
  };
});
