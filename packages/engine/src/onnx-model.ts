import { InferenceSession, Tensor } from "onnxruntime-node";

/** A loaded model with one input and one output, both float32. */
export interface OnnxModel {
  /** @param data row-major values of `dims`. The result is a copy that stays valid. */
  run(data: Float32Array, dims: readonly number[]): Promise<{ data: Float32Array; dims: readonly number[] }>;
}

/** Loads a model for the CPU. Blocks its thread while it runs, so only engine processes call it; sessions leak on release
 * in onnxruntime-node, so they are opened once and go with their process.
 * @param threads of one `run`; they sleep instead of spinning, because other services share the cores */
export async function openOnnxModel(file: string, threads: number): Promise<OnnxModel> {
  const session = await InferenceSession.create(file, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // Both only pay with one fixed input shape; with many they hold the largest buffer of each.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  if (input === undefined || output === undefined) throw new Error(`${file} has no input or no output`);
  return {
    async run(data, dims) {
      const results = await session.run({ [input]: new Tensor("float32", data, dims) });
      const tensor = results[output];
      if (tensor === undefined || !(tensor.data instanceof Float32Array)) {
        throw new Error(`${file} gave no float32 output`);
      }
      return { data: tensor.data, dims: tensor.dims };
    },
  };
}
