import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { EngineError } from "@heimdex/stage-sdk/engine";
import type { io, Tensor } from "@tensorflow/tfjs-core";

/** Where a TensorFlow.js graph model lies: its graph, and the one file of its weights. Absolute paths. */
export interface GraphModelFiles {
  readonly graph: string;
  readonly weights: string;
}

/** A loaded model with one float32 input. */
export interface GraphModel {
  /** @param data row-major values of `dims`
   * @param outputs names of graph nodes, layers within the network included
   * @returns a copy of each, in the order asked for */
  run(
    data: Float32Array,
    dims: readonly number[],
    outputs: readonly string[],
  ): Promise<{ data: Float32Array; dims: readonly number[] }[]>;
}

export interface GraphModelOptions {
  /** Takes inputs of other sizes than the graph states: it states what it was exported with, and layers that only convolve run with any.
   * Outputs behind layers that are bound to the size still fail. Default false. */
  readonly anySize?: boolean;
}

/** Loads a TensorFlow.js graph model for its WASM backend, from local files only. It computes on the thread that calls it, so only engine
 * processes do. One thread: the backend's own threads are for browsers, and the parallelism of services is counted elsewhere.
 * @throws EngineError MODEL_UNUSABLE when a file is no such model, or was cut off; `run` when its graph cannot be computed */
export async function openGraphModel(
  { graph, weights }: GraphModelFiles,
  { anySize = false }: GraphModelOptions = {},
): Promise<GraphModel> {
  const tf = await import("@tensorflow/tfjs-core");
  const { loadGraphModel } = await import("@tensorflow/tfjs-converter");
  await useWasm();
  const artifacts = await readArtifacts(graph, weights);
  if (anySize) forgetInputSizes(artifacts.modelTopology as Topology);
  const model = await loadGraphModel({ load: async () => artifacts }).catch((error: Error) => {
    throw unusable(graph, error.message, error);
  });
  return {
    async run(data, dims, outputs) {
      let tensors: Tensor[];
      try {
        tensors = tf.tidy(() => {
          const out = model.execute(tf.tensor(data, [...dims], "float32"), [...outputs]);
          return Array.isArray(out) ? out : [out as Tensor];
        });
      } catch (error) {
        throw unusable(graph, (error as Error).message, error);
      }
      try {
        return await Promise.all(
          tensors.map(async (tensor) => ({ data: Float32Array.from(await tensor.data()), dims: tensor.shape })),
        );
      } finally {
        tf.dispose(tensors);
      }
    },
  };
}

let ready: Promise<void> | undefined;

/** The backend belongs to the process, so it is set once. Its .wasm files lie beside its module. */
function useWasm(): Promise<void> {
  ready ??= (async () => {
    const tf = await import("@tensorflow/tfjs-core");
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    setWasmPaths(`${dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"))}/`);
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    if (!(await tf.setBackend("wasm"))) {
      throw new EngineError("ENGINE_FAILED", "The WASM backend of TensorFlow.js cannot start here.");
    }
  })();
  return ready;
}

interface GraphFile {
  readonly modelTopology?: object;
  readonly weightsManifest?: readonly { readonly weights: io.WeightsManifestEntry[] }[];
  readonly signature?: object;
  readonly userDefinedMetadata?: { readonly signature?: object };
}

interface Topology {
  readonly node?: readonly { readonly op: string; readonly attr?: { shape?: unknown } }[];
}

/** An input without a stated shape takes any. */
function forgetInputSizes({ node = [] }: Topology): void {
  for (const { op, attr } of node) if (op === "Placeholder") delete attr?.shape;
}

async function readArtifacts(graph: string, weights: string): Promise<io.ModelArtifacts> {
  const { modelTopology, weightsManifest, signature, userDefinedMetadata } = parseGraph(
    graph,
    await readFile(graph, "utf8").catch((error: Error) => {
      throw unusable(graph, error.message, error);
    }),
  );
  if (modelTopology === undefined || !Array.isArray(weightsManifest)) throw unusable(graph, "it is no graph model");
  const bytes = await readFile(weights).catch((error: Error) => {
    throw unusable(weights, error.message, error);
  });
  const specs = weightsManifest.flatMap((group) => group.weights);
  // The converter would fill what is missing with views of nothing, or fail deep inside: the length says it first.
  const expected = specs.reduce((sum, spec) => sum + bytesOf(spec), 0);
  if (expected !== bytes.length) throw unusable(weights, `it has ${bytes.length} bytes, its graph wants ${expected}`);
  const all = signature ?? userDefinedMetadata?.signature;
  return {
    modelTopology,
    weightSpecs: specs,
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    format: "graph-model",
    ...(all === undefined ? {} : { signature: all }),
  };
}

function parseGraph(graph: string, text: string): GraphFile {
  try {
    return JSON.parse(text) as GraphFile;
  } catch (error) {
    throw unusable(graph, (error as Error).message, error);
  }
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, float16: 2, uint16: 2, uint8: 1, bool: 1 };

function bytesOf({ shape, dtype, quantization }: io.WeightsManifestEntry): number {
  const each = BYTES[quantization?.dtype ?? dtype] ?? Number.NaN;
  return shape.reduce((product, side) => product * side, each);
}

function unusable(file: string, why: string, cause?: unknown): EngineError {
  return new EngineError("MODEL_UNUSABLE", `The model file ${file} cannot be used: ${why}`, { cause });
}
