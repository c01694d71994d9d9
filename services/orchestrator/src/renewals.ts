import type { Renewal, RenewalAnswer } from "@heimdex/contracts/stage/v1/work_service";
import { jobEnded, type SessionRecord } from "@heimdex/kernel";
import type { OrchestratorConfig } from "./config.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { heldStep, jobOfLease, releaseLease } from "./held-step.ts";
import type { JobStore } from "./job-store.ts";
import type { LeaseTable } from "./lease-table.ts";
import type { Sessions } from "./sessions.ts";

/** Beyond so many leases the session's document holds no messages: it must stay below 256 KiB. */
const MANY = 256;

export interface RenewalParts {
  readonly store: JobStore;
  readonly sessions: Sessions;
  readonly dispatcher: Dispatcher;
  readonly leases: LeaseTable;
  readonly config: OrchestratorConfig;
}

/** Renews the leases a session lists, all with one write, and gives back those it holds and does not list. */
export async function renewLeases(
  parts: RenewalParts,
  session: SessionRecord,
  listed: readonly Renewal[],
): Promise<RenewalAnswer[]> {
  const { store, sessions, leases, config } = parts;
  const nowMs = Date.now();
  // Given since the worker wrote its list, a lease is not yet missing from it.
  const heldBefore = leases
    .ofSession(session.id)
    .filter((held) => held.lastProgress !== "" || nowMs - held.progressAtMs >= config.acceptWithinMs);
  const renewals: Record<string, SessionRecord["renewals"][string]> = {};
  const answers: RenewalAnswer[] = [];
  for (const renewal of listed) {
    const verdict = await verdictFor(parts, session.id, renewal);
    answers.push({ lease: renewal.lease, verdict });
    if (verdict !== "CONTINUE") continue;
    const entry = renewed(parts, renewal, nowMs);
    if (entry !== undefined) renewals[renewal.lease] = listed.length > MANY ? { ...entry, message: "" } : entry;
  }
  await sessions.change(session.id, (latest) => ({ ...latest, seenAtMs: nowMs, renewals }));
  const names = new Set(listed.map((renewal) => renewal.lease));
  for (const held of heldBefore) if (!names.has(held.fence.lease)) await releaseLease(store, leases, held);
  return answers;
}

async function verdictFor(
  { store, dispatcher, leases }: RenewalParts,
  session: string,
  renewal: Renewal,
): Promise<"CONTINUE" | "CANCEL" | "LOST"> {
  const held = await heldStep(store, session, renewal);
  if (held !== undefined) {
    // Another replica granted it, or this process did before it was started anew.
    if (leases.get(renewal.lease) === undefined) dispatcher.watch(held.job, held.step, true);
    return "CONTINUE";
  }
  const job = await jobOfLease(store, renewal.lease);
  return job !== undefined && jobEnded(job.state) && job.cancelRequested ? "CANCEL" : "LOST";
}

function renewed({ leases, config }: RenewalParts, renewal: Renewal, nowMs: number) {
  const watched = leases.get(renewal.lease);
  if (watched === undefined) return undefined;
  const { done = 0, total = 0, unit = "", message = "" } = renewal.progress ?? {};
  const progress = JSON.stringify([done, message]);
  if (progress !== watched.lastProgress) {
    watched.lastProgress = progress;
    watched.progressAtMs = nowMs;
  }
  watched.expiresAtMs = nowMs + config.leaseTtlMs;
  const { expiresAtMs: untilMs, progressAtMs } = watched;
  watched.heard = { untilMs, progressAtMs };
  return { untilMs, done, total, unit: unit.slice(0, 32), message: message.slice(0, 200), progressAtMs };
}
