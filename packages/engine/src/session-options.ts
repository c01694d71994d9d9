/** Options of an ONNX Runtime session on the CPU, for `InferenceSession.create` and for transformers.js.
 * @param threads of one run; they sleep instead of spinning, because other services share the cores */
export function sessionOptions(threads: number) {
  return {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential" as const,
    graphOptimizationLevel: "all" as const,
    // It only pays with one fixed input shape; with many it holds the largest buffer of each.
    enableMemPattern: false,
    logSeverityLevel: 3 as const,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  };
}
