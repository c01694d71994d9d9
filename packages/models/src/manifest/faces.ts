import type { ModelEntryInput } from "../manifest-schema.ts";

/** Find and compare faces: `vision.faces`. */
export const faceModels: readonly ModelEntryInput[] = [];
