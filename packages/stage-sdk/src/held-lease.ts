import type { Lease, Progress, Renewal } from "@heimdex/contracts/stage/v1/work_service";
import { AttemptStopped, type StopCause } from "./attempt-stopped.ts";

/** A lease from its receipt until the server has taken note of its end. Until then it is renewed, also while its result is on the way. */
export class HeldLease {
  readonly lease: Lease;
  progress: Progress | undefined;
  readonly #abort = new AbortController();

  constructor(lease: Lease) {
    this.lease = lease;
  }

  /** Aborts with an AttemptStopped. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Why it was stopped; undefined while it was not. */
  get stopped(): StopCause | undefined {
    return this.signal.aborted ? (this.signal.reason as AttemptStopped).stopCause : undefined;
  }

  /** The first cause counts. */
  stop(cause: StopCause): void {
    this.#abort.abort(new AttemptStopped(cause));
  }

  renewal(): Renewal {
    return { lease: this.lease.lease, epoch: this.lease.epoch, progress: this.progress };
  }
}
