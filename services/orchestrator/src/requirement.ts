import type { ModelRef } from "@heimdex/kernel";
import { sha256Hex } from "./ids.ts";

/** What a session must offer to get a step: the very manifest, run with the very models the plan fixed. */
export function requirement(digest: string, models: readonly ModelRef[]): string {
  const offered = models.map(({ id, sha256 }) => `${id}@${sha256}`).sort();
  return sha256Hex(JSON.stringify([digest, offered])).slice(0, 16);
}
