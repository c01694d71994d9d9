/* A door of its own (`@heimdex/stage-sdk/failure`): processes and threads that only infer say how they failed without loading gRPC and all else. */

/** What the orchestrator does about a failed attempt.
 * - RETRYABLE: again, after a pause, within the stage's budget.
 * - TERMINAL: no retry would help: a bug, a missing tool.
 * - INPUT_REJECTED: the asset's own bytes are at fault. The job goes on without what depends on it.
 * - RESOURCE: this machine lacks memory or disk now; again later, here or elsewhere. */
export type FailureKind = "RETRYABLE" | "TERMINAL" | "INPUT_REJECTED" | "RESOURCE";

/** Thrown from `run` to say why an attempt failed. Anything else thrown counts as RETRYABLE. */
export class StageFailure extends Error {
  override readonly name = "StageFailure";
  readonly kind: FailureKind;
  /** Stable id in capitals, such as `NO_MEDIA_FOUND`. */
  readonly reason: string;
  /** What a person can do about it. */
  readonly help: string;
  /** RETRYABLE and RESOURCE: not before this many ms; undefined leaves it to the orchestrator. */
  readonly retryAfterMs: number | undefined;
  /** The last lines a tool printed, where they help. At most 4 KiB. */
  readonly logTail: string | undefined;

  constructor(
    kind: FailureKind,
    reason: string,
    message: string,
    options: { help: string; retryAfterMs?: number; logTail?: string; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.reason = reason;
    this.help = options.help;
    this.retryAfterMs = options.retryAfterMs;
    this.logTail = options.logTail?.slice(-4096);
  }
}
