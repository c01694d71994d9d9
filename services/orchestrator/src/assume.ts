import type { AssumedModel } from "@heimdex/contracts/v1/job";
import type { StageRecord } from "@heimdex/kernel";

/** The stage as it would be with the models it is assumed to run with: one that only lacked its model could run then. */
export function assume(stage: StageRecord, assumed: readonly AssumedModel[]): StageRecord {
  const mine = assumed.filter(({ stage: name }) => name === stage.manifest.name);
  if (mine.length === 0) return stage;
  const replaced = new Set(mine.flatMap(({ model, insteadOf }) => [model, ...insteadOf]));
  const models = [
    ...stage.models.filter(({ id }) => !replaced.has(id)),
    ...mine.map(({ model, sha256 }) => ({ id: model, sha256, licence: "" })),
  ];
  const lacked = stage.state === "UNAVAILABLE" && stage.reason.startsWith("NO_MODEL");
  return { ...stage, models, ...(lacked && { state: "ENABLED" as const, reason: "", help: "" }) };
}
