/** The package ships no types; this much of it is used (sherpa-onnx-node 1.13, Apache-2.0). */
declare module "sherpa-onnx-node" {
  class OfflineStream {
    acceptWaveform(audio: { samples: Float32Array; sampleRate: number }): void;
  }
  class OfflineRecognizer {
    /** A model that does not fit ends the process. */
    static createAsync(config: {
      modelConfig: {
        transducer: { encoder: string; decoder: string; joiner: string };
        tokens: string;
        modelType?: string;
        numThreads: number;
        provider: "cpu";
        debug: boolean;
      };
      decodingMethod: "greedy_search";
    }): Promise<OfflineRecognizer>;
    createStream(): OfflineStream;
    decodeAsync(stream: OfflineStream): Promise<{
      tokens: string[];
      timestamps: number[];
      durations?: number[];
      ys_log_probs?: number[];
    }>;
  }
  /** CommonJS whose names Node cannot see. */
  const sherpa: { OfflineRecognizer: typeof OfflineRecognizer };
  export default sherpa;
}
