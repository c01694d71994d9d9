import type { ModelEntryInput } from "../manifest-schema.ts";

/** Meaning of sentences: `embed.text` of the standard profile. */
export const sentenceModels: readonly ModelEntryInput[] = [];
