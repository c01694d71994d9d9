import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { Step } from "./job.ts";

/** What the vectors of a space stand for: moments by their words, or pictures. Vectors of one kind answer the same questions. */
export const SPACE_KINDS = ["text", "image"] as const;
export type SpaceKind = (typeof SPACE_KINDS)[number];

/** An embedding space and what puts vectors into it. */
export interface SpaceRef {
  /** Id of the space. */
  readonly space: string;
  /** Id of its model. */
  readonly model: string;
  /** `makerOf` the runs that fill it. */
  readonly maker: string;
}

/** Which space of a kind answers a tenant's searches, and which is on its way: catalog collection `meta`, term `spaces`.
 * Invariants: S1 one space of a kind serves at any time. S2 a space that is being filled becomes the serving one only once nothing waits for it.
 * S3 rows hold vectors of these two alone; what is neither is listed in `leaving` until the index holds none of it. */
export interface SpaceRecord {
  readonly tenant: string;
  readonly kind: SpaceKind;
  readonly serving: SpaceRef;
  /** `refill`: assets may hold vectors in it that the index does not; they are to be indexed once more. */
  readonly filling?: SpaceRef & { readonly refill: boolean };
  /** Since when, Unix ms. */
  readonly leaving: readonly { readonly space: string; readonly sinceMs: number }[];
}

/** Vectors in a space, found in an asset's sidecar. */
export interface SeenSpace extends SpaceRef {
  readonly tenant: string;
  readonly kind: SpaceKind;
}

/** Id of the record. */
export function spaceRecordId(tenant: string, kind: SpaceKind): string {
  return `spaces/${tenant}/${kind}`;
}

/** Names what decides the space of a stage's vectors: another stage, behaviour, model or configuration may mean another space. */
export function makerOf({ stage, behaviour, models, config }: Pick<Step, "stage" | "behaviour" | "models" | "config">) {
  const value = { stage, behaviour, models: models.map(({ id, sha256 }) => `${id}@${sha256}`).sort(), config };
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 32);
}

/** The record after vectors were seen. The first space ever seen serves at once; another one that is wanted is filled; and when vectors of the serving one
 * are wanted again, whatever was being filled is given up. Pure.
 * @param isWanted whether the stage, as it is registered now, puts its vectors there: a job that was planned before says nothing
 * @param isHeld whether assets that are indexed have had vectors in it before */
export function seeSpace(
  record: SpaceRecord | undefined,
  { tenant, kind, space, model, maker }: SeenSpace,
  { isWanted, isHeld }: { readonly isWanted: boolean; readonly isHeld: boolean },
  nowMs: number,
): SpaceRecord {
  const ref: SpaceRef = { space, model, maker };
  if (record === undefined) return { tenant, kind, serving: ref, leaving: [] };
  if (!isWanted || space === record.filling?.space) return record;
  const { filling, ...rest } = record;
  if (space === record.serving.space) return filling === undefined ? record : leave(rest, filling.space, nowMs);
  const next: SpaceRecord = { ...rest, filling: { ...ref, refill: isHeld } };
  return filling === undefined ? next : leave(next, filling.space, nowMs);
}

/** The record once nothing waits for what is being filled: it serves from now on, and the one before leaves. Pure. */
export function switchSpace({ filling, ...record }: SpaceRecord, nowMs: number): SpaceRecord {
  if (filling === undefined) return record;
  const { space, model, maker } = filling;
  return leave({ ...record, serving: { space, model, maker } }, record.serving.space, nowMs);
}

/** The record with a space that leaves, from `nowMs` on. Pure. */
export function leave(record: SpaceRecord, space: string, nowMs: number): SpaceRecord {
  return {
    ...record,
    leaving: [...record.leaving.filter((other) => other.space !== space), { space, sinceMs: nowMs }],
  };
}

/** What an asset's newest indexed sidecar says of spaces. */
export interface AssetSpaces {
  /** Spaces in which it has vectors. */
  readonly vectors: readonly string[];
  /** Spaces its newest runs put vectors into, or found that there are none to put. */
  readonly ran: readonly string[];
  /** Makers of newest runs that failed. */
  readonly failed: readonly string[];
}

const termKey = (tenant: string, name: string) =>
  createHash("sha256")
    .update(JSON.stringify([tenant, name]))
    .digest("hex")
    .slice(0, 24);

/** Catalog term of a tenant's assets with vectors in a space. */
export function spaceTerm(tenant: string, space: string): string {
  return `space:${termKey(tenant, space)}`;
}

const broughtTerm = (tenant: string, from: string, to: string) => `${spaceTerm(tenant, from)}>${termKey(tenant, to)}`;
const failedTerm = (tenant: string, from: string, maker: string) =>
  `${spaceTerm(tenant, from)}!${termKey(tenant, maker)}`;

/** Catalog terms that an asset's spaces give it: in which it has vectors, and for each of these where newer runs put theirs and which failed. */
export function spaceTerms(tenant: string, { vectors, ran, failed }: AssetSpaces): string[] {
  return vectors.flatMap((space) => [
    spaceTerm(tenant, space),
    ...ran.filter((other) => other !== space).map((other) => broughtTerm(tenant, space, other)),
    ...failed.map((maker) => failedTerm(tenant, space, maker)),
  ]);
}

/** How far a space is that is being filled, in assets that the serving one has vectors of. */
export interface SpaceProgress {
  /** Run again, with or without a vector to show for it. */
  readonly done: number;
  readonly toDo: number;
  /** The new model's run failed for good. */
  readonly failed: number;
}

/** @param count how many assets carry a term */
export async function spaceProgress(
  { tenant, serving, filling }: SpaceRecord,
  count: (term: string) => Promise<number>,
): Promise<SpaceProgress> {
  const all = await count(spaceTerm(tenant, serving.space));
  if (filling === undefined) return { done: all, toDo: 0, failed: 0 };
  const [done, failed] = await Promise.all([
    count(broughtTerm(tenant, serving.space, filling.space)),
    count(failedTerm(tenant, serving.space, filling.maker)),
  ]);
  return { done, failed, toDo: Math.max(0, all - done - failed) };
}

/** Whether the space being filled may serve. Waiting longer mends no asset at which its maker failed for good, and those are found by their words as before;
 * but a model that fails more often than it manages is no successor. */
export function mayServe({ done, toDo, failed }: SpaceProgress): boolean {
  return toDo === 0 && failed <= done;
}
