import type { Job } from "./job.ts";

/** A job as it begins: QUEUED, nothing known of its source yet. */
export function newJob(given: Pick<Job, "id" | "tenant" | "sourceUri"> & Partial<Job>): Job {
  return {
    asset: "",
    fingerprint: "",
    sourceSize: 0,
    sourceModifiedMs: 0,
    neighbours: [],
    priority: 0,
    reread: false,
    state: "QUEUED",
    reason: "",
    help: "",
    steps: [],
    facts: undefined,
    createdAtMs: 0,
    plannedAtMs: 0,
    endedAtMs: 0,
    cancelRequested: false,
    joined: "",
    traceId: "",
    rootSpanId: "",
    parentSpanId: "",
    sidecarRevision: 0,
    settled: false,
    ...given,
  };
}
