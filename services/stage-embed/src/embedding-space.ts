import { createHash } from "node:crypto";
import type { Space } from "@heimdex/sidecar";

/** Whose vectors they are: a model's id and the digest over its files, as `locateModel` gives them. */
export interface ModelIdentity {
  readonly id: string;
  readonly sha256: string;
}

/** The space of a model's vectors. Its id is the SHA-256 over model, files, preprocessing and dimension: whatever changes the numbers changes it.
 * @param preprocessing names everything our code does around the model; another way of doing it needs another name */
export function spaceOf(model: ModelIdentity, preprocessing: string, dimension: number): Space {
  const id = createHash("sha256")
    .update(JSON.stringify([model.id, model.sha256, preprocessing, dimension]))
    .digest("hex");
  return { id, model: model.id, dimension, metric: "cosine" };
}
