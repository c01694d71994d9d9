import { env } from "@huggingface/transformers";

/** From now on this process reads models from local folders and nowhere else: no hub, no cache of its own. */
export function localModelsOnly(): void {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.useFSCache = false;
  env.useBrowserCache = false;
}

/** Options of a session on the CPU. Threads sleep instead of spinning, because other services share the cores.
 * @param threads of one run */
export function sessionOptions(threads: number) {
  return {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential" as const,
    // It only pays with one fixed input shape; with many it holds the largest buffer of each.
    enableMemPattern: false,
    logSeverityLevel: 3 as const,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  };
}
