import { HeimdexError } from "@heimdex/errors";
import { choicesFor } from "./chosen-model.ts";
import type { ModelEntry } from "./manifest-schema.ts";

/** The entries a profile's name, an id or a list of either stands for, in the manifest's order, each once. A profile stands for the first choice it
 * has for each stage, which is what `models use PROFILE` sets, and for what helps whatever is chosen.
 * Throws INVALID_ARGUMENT naming what is there. */
export function chooseModels(what: string | readonly string[], models: readonly ModelEntry[]): ModelEntry[] {
  const names = typeof what === "string" ? [what] : what;
  const chosen = new Set<ModelEntry>();
  for (const name of names) {
    const matching = models.filter((entry) => entry.id === name || isOfProfile(entry, name, models));
    if (matching.length === 0) {
      const known = [...new Set(models.flatMap((entry) => entry.profiles)), ...models.map((entry) => entry.id)];
      throw new HeimdexError("INVALID_ARGUMENT", `There is no model or profile "${name}".`, {
        help: `There are: ${known.join(", ")}.`,
      });
    }
    for (const entry of matching) chosen.add(entry);
  }
  return models.filter((entry) => chosen.has(entry));
}

function isOfProfile(entry: ModelEntry, profile: string, models: readonly ModelEntry[]): boolean {
  const isIn = ({ profiles }: ModelEntry) => (profiles as readonly string[]).includes(profile);
  if (!isIn(entry)) return false;
  return entry.choice === false || entry.stages.some((stage) => choicesFor(stage, models).find(isIn) === entry);
}
