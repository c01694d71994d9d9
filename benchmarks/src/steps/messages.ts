import type { CpuProfile } from "../common/cpu-profile.ts";

/** What the benchmark tells its orchestrator process. */
export type Order =
  | { readonly kind: "await-workers"; readonly workers: number; readonly stages: number }
  /** Run so many jobs, so many of them at a time. `profile`: file for a CPU profile of the main thread, "" for none. */
  | { readonly kind: "run"; readonly jobs: number; readonly inFlight: number; readonly profile: string };

/** What it answers. Times in ms. */
export type Answer =
  | { readonly kind: "listening"; readonly address: string }
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | {
      readonly kind: "measured";
      readonly wallMs: number;
      readonly steps: number;
      /** Writes the catalog applied, of whatever kind. */
      readonly writes: number;
      /** Writes asked for, by collection. */
      readonly writesTo: Readonly<Record<string, number>>;
      /** From ready to committed, by step. */
      readonly latenciesMs: readonly number[];
      /** From ready to leased, by step. */
      readonly waitsMs: readonly number[];
      /** From asked for to all steps ended, by job. */
      readonly jobsMs: readonly number[];
      /** CPU of the orchestrator process by name of thread. Threads that ended meanwhile are missing. */
      readonly cpuMs: Readonly<Record<string, number>>;
      readonly profile: CpuProfile | undefined;
    };
