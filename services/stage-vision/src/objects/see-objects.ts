import type { Picture } from "@heimdex/engine";
import { distinct, overlap } from "../picture/overlap.ts";
import { boxOn } from "../picture/parts.ts";
import type { FoundObject, ObjectModel, SeenObject } from "./object-engine.ts";

/** Two boxes of one label that share so much are one thing. */
const SAME_THING = 0.5;
/** Boxes of two labels that share so much are one thing as well, seen two ways: bottle and vase. */
const OTHER_WORD = 0.7;

export interface SeeObjectsOptions {
  /** Things the model is less sure of are left out, 0..1. */
  readonly minConfidence: number;
  /** The surest so many are kept. */
  readonly maxObjects: number;
}

/** All things in a picture, each once, the surest first. */
export async function seeObjects(
  model: ObjectModel,
  picture: Picture,
  options: SeeObjectsOptions,
): Promise<SeenObject[]> {
  return acrossLooks(await model.find(picture, options.minConfidence))
    .slice(0, options.maxObjects)
    .map((found) => ({ label: found.label, confidence: found.confidence, box: boxOn(picture, found) }))
    .filter(({ box }) => box.w > 0 && box.h > 0);
}

/** What all looks found. Within one look the surest word for a thing counts; what another look calls by another name stands beside it, since neither
 * can tell which is right: a search for either word finds it. */
export function acrossLooks(looks: readonly (readonly FoundObject[])[]): FoundObject[] {
  return distinct(
    looks.flatMap((found) => distinctObjects(found)),
    (kept, other) => kept.label === other.label && overlap(kept, other) > SAME_THING,
  );
}

/** Each thing of one look once, under the word the model is surest of. */
export function distinctObjects(found: readonly FoundObject[]): FoundObject[] {
  return distinct(found, (kept, other) => {
    const shared = overlap(kept, other);
    return shared > OTHER_WORD || (kept.label === other.label && shared > SAME_THING);
  });
}
