import type { Stage } from "@heimdex/contracts/stage/v1/stage";
import type { StageRecord } from "@heimdex/kernel";

/** A stage as the contract shows it. */
export function stageMessage(record: StageRecord, workers: number): Stage {
  const { manifest } = record;
  return {
    manifest: {
      ...manifest,
      inputs: manifest.inputs.map((port) => ({ ...port })),
      outputs: manifest.outputs.map((port) => ({ ...port })),
      conditions: [...manifest.conditions],
    },
    digest: record.digest,
    state: record.state,
    reason: record.reason,
    help: record.help,
    workers,
    models: record.models.map((model) => ({ ...model })),
  };
}
