import type { Job, Step } from "@heimdex/kernel";
import type { JobStore } from "./job-store.ts";
import type { LeaseTable } from "./lease-table.ts";

const LEASE_ID = /^(j_[0-9a-f]{1,64})-\d{1,6}-\d{1,9}$/;

/** What a worker says it holds. */
export interface Held {
  readonly lease: string;
  readonly epoch: number;
}

/** The job a lease is of; undefined when it is none of ours. */
export async function jobOfLease(store: JobStore, lease: string): Promise<Job | undefined> {
  const id = LEASE_ID.exec(lease)?.[1];
  return id === undefined ? undefined : store.get(id);
}

/** The job and step of a lease, while the session holds it. */
export async function heldStep(
  store: JobStore,
  session: string,
  { lease, epoch }: Held,
): Promise<{ job: Job; step: Step } | undefined> {
  const job = await jobOfLease(store, lease);
  const step = job?.steps.find((candidate) => candidate.lease?.id === lease);
  if (job === undefined || step?.lease?.session !== session || step.lease.epoch !== epoch || step.state !== "LEASED")
    return undefined;
  return { job, step };
}

/** Gives a lease back: its step may go to anybody, and no attempt was used up. */
export async function releaseLease(
  store: JobStore,
  leases: LeaseTable,
  { job, stage, fence }: { job: string; stage: string; fence: Held },
): Promise<void> {
  leases.remove(fence.lease);
  await store.apply(job, { kind: "released", atMs: Date.now(), stage, fence });
}
