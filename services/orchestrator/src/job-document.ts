import { activeTerm, type Job, jobEnded } from "@heimdex/kernel";

/** Words a job is found by in the catalog. */
export function jobTerms(job: Job): string[] {
  const terms = [`tenant:${job.tenant}`];
  if (job.asset !== "") terms.push(`asset:${job.asset}`);
  if (jobEnded(job.state)) {
    if (!job.settled) terms.push("unsettled", ...(job.asset === "" ? [] : [`active:${job.asset}`]));
    return terms;
  }
  terms.push("active", activeTerm(job.tenant));
  if (job.asset !== "") terms.push(`active:${job.asset}`);
  if (job.state === "QUEUED") terms.push(job.joined === "" ? "queued" : "joined");
  const stages = (state: string) => job.steps.filter((step) => step.state === state);
  for (const step of stages("READY")) terms.push(`ready:${step.stage}`);
  if (stages("READY").length > 0) terms.push("ready");
  if (stages("LEASED").length > 0) terms.push("leased");
  if (job.steps.some((step) => step.state === "WAITING" && step.key !== "")) terms.push("looking-up");
  return terms;
}

/** Orders ready jobs: higher priority first, then older first. Ids sort by time. */
export function jobSort(job: Pick<Job, "priority" | "id">): string {
  return `${(1000 - job.priority).toString().padStart(4, "0")}:${job.id}`;
}
