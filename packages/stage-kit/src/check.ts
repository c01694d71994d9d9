import type { Bench } from "./bench.ts";

/** A place in the contract, with words that stand in its comments. */
export interface Clause {
  /** File below `proto/heimdex/stage/v1`. */
  readonly file: "stage.proto" | "stage_registry_service.proto" | "work_service.proto";
  /** Message and field, or service and method: `Lease.config`, `WorkService.RenewLeases`. */
  readonly at: string;
  /** What it says there, word for word. */
  readonly says: string;
}

/** One thing that a conforming worker does. */
export interface Check {
  /** `HX-STG-001`: never given to another check. */
  readonly id: string;
  /** What the worker does, as the end of "the worker ...". */
  readonly title: string;
  /** What passing it shows. */
  readonly proves: string;
  readonly contract: readonly Clause[];
  /** Answers what was seen, in a sentence, when all is well. Throws Broken or DoesNotApply. */
  run(bench: Bench): Promise<string>;
}

/** The worker does not do what the contract says. The message is what was seen. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** The check cannot be made with this stage. The message says why. */
export class DoesNotApply extends Error {
  override readonly name = "DoesNotApply";
}
