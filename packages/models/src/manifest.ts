import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { captionModels } from "./manifest/captions.ts";
import { faceModels } from "./manifest/faces.ts";
import { objectModels } from "./manifest/objects.ts";
import { pictureModels } from "./manifest/pictures.ts";
import { sentenceModels } from "./manifest/sentences.ts";
import { speechModels } from "./manifest/speech.ts";
import { textInPictureModels } from "./manifest/text-in-picture.ts";
import { wordVectorModels } from "./manifest/word-vectors.ts";
import { type ModelEntry, modelEntrySchema } from "./manifest-schema.ts";

/** Every model Heimdex knows. Checked when this module loads: a wrong entry fails every test. */
export const MODELS: readonly ModelEntry[] = z
  .array(modelEntrySchema)
  .refine((entries) => new Set(entries.map(({ id }) => id)).size === entries.length, "two models share an id")
  .parse([
    ...speechModels,
    ...textInPictureModels,
    ...faceModels,
    ...objectModels,
    ...pictureModels,
    ...captionModels,
    ...wordVectorModels,
    ...sentenceModels,
  ]);

/** The manifest's entry of that id. Throws INVALID_ARGUMENT naming what is there. */
export function modelEntry(id: string, models: readonly ModelEntry[] = MODELS): ModelEntry {
  const entry = models.find((model) => model.id === id);
  if (entry !== undefined) return entry;
  throw new HeimdexError("INVALID_ARGUMENT", `There is no model "${id}".`, {
    help: `There are: ${models.map((model) => model.id).join(", ")}.`,
  });
}
