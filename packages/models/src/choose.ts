import { HeimdexError } from "@heimdex/errors";
import type { ModelEntry } from "./manifest-schema.ts";

/** The entries a profile's name, an id or a list of either stands for, in the manifest's order, each once.
 * Throws INVALID_ARGUMENT naming what is there. */
export function chooseModels(what: string | readonly string[], models: readonly ModelEntry[]): ModelEntry[] {
  const names = typeof what === "string" ? [what] : what;
  const chosen = new Set<ModelEntry>();
  for (const name of names) {
    const matching = models.filter(
      (entry) => entry.id === name || (entry.profiles as readonly string[]).includes(name),
    );
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
