import { hostEngine } from "@heimdex/engine";
import type { Decoding } from "./decoding.ts";
import { WhisperDecoder } from "./whisper-decoder.ts";

export interface WhisperInit {
  /** The model's folder. */
  readonly folder: string;
  readonly threads: number;
}

export interface WhisperRequest {
  /** 16 kHz mono, at most 30 s. */
  readonly pcm: Int16Array;
  /** Whisper's code; undefined: to be found out. */
  readonly language: string | undefined;
}

hostEngine<WhisperInit, WhisperRequest, Decoding>(async ({ folder, threads }) => {
  const decoder = await WhisperDecoder.open(folder, threads);
  return ({ pcm, language }) => decoder.decode(pcm, language);
});
