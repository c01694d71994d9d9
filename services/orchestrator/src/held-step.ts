import type { Job, Step } from "@heimdex/kernel";
import type { JobStore } from "./job-store.ts";
import type { LeaseTable } from "./lease-table.ts";

const LEASE_ID = /^(j_[0-9a-f]{1,64})-\d{1,6}-\d{1,9}$/;

/** What a worker says it holds. */
export interface Held {
  readonly lease: string;
  readonly epoch: number;
}

interface HeldStep {
  readonly job: Job;
  readonly step: Step;
}

/** The job a lease is of, as it is; undefined when it is none of ours. */
export async function jobOfLease(store: JobStore, lease: string): Promise<Job | undefined> {
  const id = LEASE_ID.exec(lease)?.[1];
  return id === undefined ? undefined : store.current(id);
}

/** The job and step of a lease, while the session holds it. */
export async function heldStep(store: JobStore, session: string, held: Held): Promise<HeldStep | undefined> {
  return stepOf(await jobOfLease(store, held.lease), session, held);
}

/** The same as far as is known here, for what ends in a compare-and-set: that it is held may be old, that it is not is as it is. */
export async function knownHeldStep(store: JobStore, session: string, held: Held): Promise<HeldStep | undefined> {
  const id = LEASE_ID.exec(held.lease)?.[1];
  const known = id === undefined ? undefined : stepOf(await store.get(id), session, held);
  return known ?? heldStep(store, session, held);
}

function stepOf(job: Job | undefined, session: string, { lease, epoch }: Held): HeldStep | undefined {
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
