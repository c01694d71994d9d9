import type { Job } from "@heimdex/kernel";
import type { SourceFacts } from "@heimdex/sources";

/** What the job's source said of itself when it was fingerprinted. */
export function sourceFacts({ sourceSize, sourceModifiedMs, sourceTag }: Job): SourceFacts {
  return {
    size: sourceSize,
    modifiedMs: sourceModifiedMs,
    ...(sourceTag === undefined ? {} : { tag: sourceTag }),
  };
}
