import type { Benchmark } from "./common/benchmark.ts";
import { steps } from "./steps/steps.ts";

/** In the order in which they run when none is named. */
export const BENCHMARKS: readonly Benchmark[] = [steps];
