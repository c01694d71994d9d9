import type { ArtifactRef, CacheEntry, Facts, Fence, Lease, Said, Step } from "./job.ts";

/** What can happen to a job. Each carries the instant it happened at, Unix ms: the reducer has no clock. */
export type JobEvent = { readonly atMs: number } & (
  | {
      /** The source was read and the plan made. */
      readonly kind: "planned";
      readonly asset: string;
      readonly fingerprint: string;
      readonly sourceSize: number;
      readonly sourceModifiedMs: number;
      readonly sourceTag?: string;
      readonly neighbours: readonly ArtifactRef[];
      readonly steps: readonly Step[];
      /** Digest of the plan. */
      readonly plan?: string;
    }
  /** The source could not be read or planned. */
  | { readonly kind: "unplannable"; readonly reason: string; readonly help: string }
  /** Another job of the same asset was under way; this one ends as that one did. */
  | { readonly kind: "joined"; readonly asset: string; readonly other: string }
  /** The cache was asked for a step's key. */
  | {
      readonly kind: "looked-up";
      readonly stage: string;
      readonly key: string;
      readonly hit: CacheEntry | undefined;
      /** Of a miss: why there is no result. */
      readonly cause?: string;
    }
  | {
      readonly kind: "leased";
      readonly stage: string;
      readonly lease: Lease;
      readonly worker: string;
      readonly device: string;
    }
  | {
      readonly kind: "finished";
      readonly stage: string;
      readonly fence: Fence;
      readonly outputs: readonly ArtifactRef[];
      readonly empty: boolean;
      readonly partial: string;
      readonly facts: Facts | undefined;
      readonly wallMs: number;
      readonly cpuMs: number;
    }
  | {
      readonly kind: "failed";
      readonly stage: string;
      readonly fence: Fence;
      readonly failure: Failure;
      readonly wallMs: number;
      readonly cpuMs: number;
      /** 0..1, for the backoff. */
      readonly random: number;
      /** Not counted as one of its tries: what it needs was away. */
      readonly isFree?: true;
      /** Absent when it was not its worker that ended it. */
      readonly said?: Said & ("FAILED" | "REFUSED");
    }
  | {
      /** Given back unharmed. */
      readonly kind: "released";
      readonly stage: string;
      readonly fence: Fence;
      /** Absent when it was not its worker that gave it back. */
      readonly said?: Said & "RELEASED";
    }
  /** Nothing was heard of it in time. */
  | { readonly kind: "lost"; readonly stage: string; readonly fence: Fence }
  /** Nobody serves what a step that waits for a worker was planned with: it is planned anew, as plans are made now. */
  | { readonly kind: "replanned"; readonly stage: string; readonly step: Step }
  | { readonly kind: "cancel" }
  | {
      /** A person turned the stage off: it is not run any more. */
      readonly kind: "disabled";
      readonly stage: string;
      /** What it made stays, and an attempt under way may finish. */
      readonly keep: boolean;
    }
  /** The sidecar is written (revision > 0), or there is none to write (0). */
  | {
      readonly kind: "settled";
      readonly sidecarRevision: number;
      readonly reason?: string;
      readonly help?: string;
      /** The event log is to be told of it. */
      readonly isToTell?: boolean;
    }
  /** The event log has been told that it ended. */
  | { readonly kind: "told" }
);

export interface Failure {
  readonly kind: "RETRYABLE" | "TERMINAL" | "INPUT_REJECTED" | "RESOURCE";
  /** Stable id in capitals. */
  readonly reason: string;
  readonly message: string;
  readonly help: string;
  /** Not before, ms from then; undefined leaves it to the backoff. */
  readonly retryAfterMs: number | undefined;
  readonly logTail: string;
}

/** What must be done after an event, once the job is written. */
export type Effect =
  /** Ask the cache for the step's key, and tell by `looked-up`. May be done before the write. */
  | { readonly kind: "look-up"; readonly stage: string; readonly key: string }
  /** Offer the step to workers, from `notBeforeMs` on. */
  | { readonly kind: "offer"; readonly stage: string; readonly notBeforeMs: number }
  /** Keep the result for later jobs. */
  | { readonly kind: "remember"; readonly key: string; readonly entry: CacheEntry }
  /** All steps are final: write the sidecar, and tell by `settled`. */
  | { readonly kind: "settle" };
