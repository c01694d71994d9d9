import type { ModelEntryInput } from "../manifest-schema.ts";

/** Say what a picture shows: `vision.describe`. */
export const captionModels: readonly ModelEntryInput[] = [];
