import type { ModelEntryInput } from "../manifest-schema.ts";

/** Find things: `vision.objects`. */
export const objectModels: readonly ModelEntryInput[] = [];
