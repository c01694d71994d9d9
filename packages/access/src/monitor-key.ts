import { type Secret, secretKeys } from "@heimdex/config";
import { z } from "zod";
import { configuredKeys, type OwnKey } from "./gate.ts";
import { OPERATOR_TENANT } from "./role.ts";

/** A key that reads figures, those of all tenants included, and nothing else: for what watches or scales an installation. `HEIMDEX_MONITOR_KEY` or
 * `HEIMDEX_MONITOR_KEY_FILE`: 32 to 256 printable ASCII characters. Several, with white space between, while it is being changed. Default: none. */
export const monitorKeyConfig = secretKeys(
  z.string().regex(/^[\x21-\x7e]{32,256}$/, "32 to 256 printable ASCII characters are expected"),
).optional();

/** What a gate makes of them. */
export function monitorKeys(keys: readonly Secret[] | undefined): OwnKey[] {
  return configuredKeys(keys, { key: "monitor", role: "monitor", tenant: OPERATOR_TENANT, stages: [] });
}
