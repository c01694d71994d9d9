import { customLayerPorts, type StageRecord } from "@heimdex/kernel";
import { customFields, customReader, type MomentOptions } from "@heimdex/search";

/** Says what of custom layers is searched and filtered by: the fields that their schemas mark, as the stages are registered now. */
export function customValuesOf(stages: readonly StageRecord[]): NonNullable<MomentOptions["custom"]> {
  const ports = customLayerPorts(stages);
  return customReader(customFields(ports), new Set(ports.map(({ schema }) => schema)));
}
