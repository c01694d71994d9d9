import { createHash } from "node:crypto";

/** Id of a layer's item, stable under re-runs: the asset, the kind and the start decide it.
 * @param start exact start (PTS where known, else ms)
 * @param tie what tells two items of one kind apart that start together, such as a face's place or a text */
export function itemId(prefix: string, asset: string, kind: string, start: number, tie = ""): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([asset, kind, start, tie]))
    .digest("hex");
  return `${prefix}_${hash.slice(0, 16)}`;
}
