import type { Stage } from "@heimdex/contracts/stage/v1/stage";
import { type StageRecord, stageStanding } from "@heimdex/kernel";

/** A stage as the contract shows it. */
export function stageMessage(record: StageRecord, workers: number): Stage {
  const { manifest, misconfigured } = record;
  const { state } = stageStanding(record);
  const why =
    state !== "UNAVAILABLE"
      ? { reason: "", help: "" }
      : misconfigured === undefined
        ? { reason: record.reason, help: record.help }
        : { reason: "CONFIG_INVALID", help: `The server's settings do not fit config_schema: ${misconfigured}` };
  return {
    manifest: {
      ...manifest,
      attempts: manifest.attempts ?? 0,
      inputs: manifest.inputs.map((port) => ({ ...port })),
      outputs: manifest.outputs.map((port) => ({ ...port })),
      conditions: [...manifest.conditions],
    },
    digest: record.digest,
    state,
    ...why,
    workers,
    models: record.models.map((model) => ({ ...model })),
  };
}
