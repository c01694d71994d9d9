/** Why an attempt is stopped from outside.
 * - cancelled: the job was cancelled; the lease is given back.
 * - lost: the lease is another worker's now, or the server has forgotten the session; nothing more is said about it.
 * - shutdown: this worker ends; the lease is given back.
 * - timeout: the attempt took too long; it counts as failed. */
export type StopCause = "cancelled" | "lost" | "shutdown" | "timeout";

const MESSAGE: Record<StopCause, string> = {
  cancelled: "the job was cancelled",
  lost: "the lease is lost",
  shutdown: "the worker is shutting down",
  timeout: "the attempt took too long",
};

/** The reason of an attempt's signal. Named AbortError, as what waits on the signal expects. */
export class AttemptStopped extends Error {
  override readonly name = "AbortError";
  readonly stopCause: StopCause;

  constructor(stopCause: StopCause) {
    super(MESSAGE[stopCause]);
    this.stopCause = stopCause;
  }
}
