import type { ModelEntryInput } from "../manifest-schema.ts";

/** Meaning of pictures: `embed.image`. */
export const pictureModels: readonly ModelEntryInput[] = [];
