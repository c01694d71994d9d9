import { HeimdexError } from "@heimdex/errors";
import type { ModelEntry } from "./manifest-schema.ts";

/** MODEL_CORRUPT that names the model. */
export function corrupt(entry: ModelEntry, said: string, cause?: unknown): HeimdexError {
  return new HeimdexError("MODEL_CORRUPT", `${entry.id}: ${said}`, {
    help: "Nothing was kept of it. `heimdex models pull` fetches it again; if it says the same twice, report it.",
    metadata: { model: entry.id },
    cause,
  });
}

/** MODEL_CORRUPT for bytes that are whole, but others than recorded at the first pull. */
export function changed(entry: ModelEntry, said: string): HeimdexError {
  return new HeimdexError("MODEL_CORRUPT", `${entry.id}: ${said}`, {
    help: `Results of both would be mixed up. If the change is meant, \`heimdex models rm ${entry.id}\` forgets the model, and the next pull takes it as it is now.`,
    metadata: { model: entry.id },
  });
}
