import { InferenceSession, Tensor } from "onnxruntime-node";
import { sessionOptions } from "./session-options.ts";

/** Row-major values of `dims`. */
export interface OnnxOutput {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A loaded model with one input, float32 as all its outputs. */
export interface OnnxModel {
  /** The first output.
   * @param data row-major values of `dims`. The result is a copy that stays valid. */
  run(data: Float32Array, dims: readonly number[]): Promise<OnnxOutput>;
  /** The same for several outputs. @param outputs their names; the results come in this order */
  runFor(data: Float32Array, dims: readonly number[], outputs: readonly string[]): Promise<OnnxOutput[]>;
}

/** Loads a model for the CPU. Blocks its thread while it runs, so only engine processes call it; sessions leak on release
 * in onnxruntime-node, so they are opened once and go with their process.
 * @param threads of one `run` */
export async function openOnnxModel(file: string, threads: number): Promise<OnnxModel> {
  const session = await InferenceSession.create(file, sessionOptions(threads));
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  if (input === undefined || output === undefined) throw new Error(`${file} has no input or no output`);
  const runFor: OnnxModel["runFor"] = async (data, dims, outputs) => {
    const results = await session.run({ [input]: new Tensor("float32", data, dims) }, [...outputs]);
    return outputs.map((name) => {
      const tensor = results[name];
      if (tensor === undefined || !(tensor.data instanceof Float32Array)) {
        throw new Error(`${file} gave no float32 output ${name}`);
      }
      return { data: tensor.data, dims: tensor.dims };
    });
  };
  return { runFor, run: async (data, dims) => (await runFor(data, dims, [output]))[0] as OnnxOutput };
}
