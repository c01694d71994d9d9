import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import { isFinal, type Step } from "./job.ts";
import { keyedParts } from "./step-key.ts";

/** Of each stage that a plan runs a mark, 16 hexadecimal digits: what decides its results on any asset, the asset itself aside. Equal marks, equal results. */
export type PlanMarks = Readonly<Record<string, string>>;

/** Plans, of all tenants: catalog collection `meta`, id `plans`. */
export interface PlansRecord {
  /** Of a job that would be planned now. */
  readonly current: PlanMarks;
  /** Of the plans that assets were last brought up to date by, by their digest. */
  readonly known: Readonly<Record<string, PlanMarks>>;
}
export const PLANS_ID = "plans";

/** Marks of a plan's steps, as the planner gives them: stages that are skipped from the start have none, and are no input to others.
 * @param salt as in step keys */
export function planMarks(steps: readonly Step[], salt: string): PlanMarks {
  const marks: Record<string, string> = {};
  for (const step of steps) {
    if (isFinal(step.state)) continue;
    const inputs = step.bindings.map(({ port, from, fromPort, optional }) => [
      port,
      fromPort,
      optional,
      marks[from] ?? from,
    ]);
    const value = { ...keyedParts(step), conditions: step.conditions, inputs, salt };
    marks[step.stage] = createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 16);
  }
  return marks;
}

/** Names a plan by its marks: 16 hexadecimal digits. */
export function planDigest(marks: PlanMarks): string {
  return createHash("sha256").update(canonicalJson(marks)).digest("hex").slice(0, 16);
}

/** Digests of the plans that leave nothing to do for the current one: they ran every stage of it, as it would run now. */
export function upToDatePlans({ current, known }: PlansRecord): Set<string> {
  const wanted = Object.entries(current);
  return new Set(
    Object.entries(known)
      .filter(([, marks]) => wanted.every(([stage, mark]) => marks[stage] === mark))
      .map(([digest]) => digest),
  );
}

/** Assets of a tenant that have a source to be read. */
export const presentTerm = (tenant: string): string => `present:${tenant}`;

/** Those of them that were last brought up to date by a plan. */
export const planTerm = (tenant: string, digest: string): string => `plan:${tenant}:${digest}`;
