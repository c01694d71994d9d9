import { analyze } from "./analyze.ts";
import { clusterServices } from "./cluster/cluster-services.ts";
import { clusterSteps } from "./cluster/cluster-steps.ts";
import type { Benchmark } from "./common/benchmark.ts";
import { embed } from "./embed/embed.ts";
import { leases } from "./leases/leases.ts";
import { memory } from "./memory.ts";
import { hearing } from "./quality/hearing.ts";
import { reading } from "./quality/reading.ts";
import { replan } from "./replan/replan.ts";
import { search } from "./search/search.ts";
import { stages } from "./stages.ts";
import { startup } from "./startup.ts";
import { steps } from "./steps/steps.ts";

/** In the order in which they run when none is named. */
export const BENCHMARKS: readonly Benchmark[] = [
  analyze,
  steps,
  replan,
  leases,
  startup,
  search,
  stages,
  memory,
  reading,
  hearing,
  embed,
];

/** Need Docker, and run only when they are named. */
export const CLUSTER_BENCHMARKS: readonly Benchmark[] = [clusterSteps, clusterServices];
