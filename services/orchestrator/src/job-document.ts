import { activeTerm, type Job, jobEnded } from "@heimdex/kernel";

/** Jobs and assets of which the event log is still to be told. */
export const TO_TELL = "to-tell";

/** Jobs in which a session's request leased steps, while it has them. */
export const acquiredTerm = (session: string, requestId: string): string => `acquired:${session} ${requestId}`;

/** Words a job is found by in the catalog. */
export function jobTerms(job: Job): string[] {
  const terms = [`tenant:${job.tenant}`];
  if (job.asset !== "") terms.push(`asset:${job.asset}`);
  if (jobEnded(job.state)) {
    if (!job.settled) terms.push("unsettled", ...(job.asset === "" ? [] : [`active:${job.asset}`]));
    if (job.toTellMs !== undefined) terms.push(TO_TELL);
    return terms;
  }
  terms.push("active", activeTerm(job.tenant), batchTerm(job));
  if (job.asset !== "") terms.push(`active:${job.asset}`);
  if (job.state === "QUEUED") terms.push(job.joined === "" ? "queued" : "joined");
  const stages = (state: string) => job.steps.filter((step) => step.state === state);
  for (const step of stages("READY")) terms.push(`ready:${step.stage}`);
  if (stages("READY").length > 0) terms.push("ready");
  if (stages("LEASED").length > 0) terms.push("leased");
  for (const { lease } of stages("LEASED"))
    if (lease !== undefined && lease.requestId !== "") terms.push(acquiredTerm(lease.session, lease.requestId));
  if (job.steps.some((step) => step.state === "WAITING" && step.key !== "")) terms.push("looking-up");
  return [...new Set(terms)];
}

/** Jobs of a batch that have not ended. */
export function batchTerm({ tenant, batch, priority }: Pick<Job, "tenant" | "batch" | "priority">): string {
  return `batch:${tenant}:${priority}:${batch ?? ""}`;
}

/** What the sort keys of a priority begin with. */
export function prioritySort(priority: number): string {
  return `${(1000 - priority).toString().padStart(4, "0")}:`;
}

/** Orders jobs: higher priority first, then by turn, then older first. Ids sort by time. */
export function jobSort({ priority, turn, id }: Pick<Job, "priority" | "turn" | "id">): string {
  return `${prioritySort(priority)}${(turn ?? 0).toString().padStart(7, "0")}:${id}`;
}
