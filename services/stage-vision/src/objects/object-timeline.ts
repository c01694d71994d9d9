import { type Box, itemId, type KeyframeItem, type ObjectItem } from "@heimdex/sidecar";
import { instantOf, spanOf } from "../keyframes/keyframe-time.ts";
import { thousandths } from "../picture/parts.ts";
import type { SeenObject } from "./object-engine.ts";

/** A line of the layer's `tracks`. */
export interface ObjectSighting {
  readonly item: string;
  readonly ms: number;
  readonly pts?: number;
  readonly box: Box;
  readonly confidence: number;
}

interface Run {
  readonly id: string;
  readonly first: KeyframeItem;
  last: KeyframeItem;
  best: SeenObject;
  /** Of the best sighting. */
  bestMs: number;
  count: number;
}

/** Merges what is seen on keyframes that follow each other: an item for each label and stretch of time, with the most seen at once and the best
 * sighting. A label that is away for a keyframe and comes back is two items. */
export class ObjectTimeline {
  readonly #asset: string;
  readonly #runs: Run[] = [];
  readonly #sightings: ObjectSighting[] = [];
  #open = new Map<string, Run>();

  /** @param asset id of the asset */
  constructor(asset: string) {
    this.#asset = asset;
  }

  /** Keyframes come in order of time.
   * @param objects of the keyframe; none where its picture cannot be read */
  add(keyframe: KeyframeItem, objects: readonly SeenObject[]): void {
    const next = new Map<string, Run>();
    for (const [label, all] of Map.groupBy(objects, (object) => object.label)) {
      const best = all.reduce((one, other) => (other.confidence > one.confidence ? other : one));
      let run = this.#open.get(label);
      if (run === undefined) {
        const id = itemId("object", this.#asset, "objects", keyframe.start_pts ?? keyframe.start_ms, label);
        run = { id, first: keyframe, last: keyframe, best, bestMs: instantOf(keyframe).ms, count: all.length };
        this.#runs.push(run);
      }
      run.last = keyframe;
      run.count = Math.max(run.count, all.length);
      if (best.confidence > run.best.confidence) {
        run.best = best;
        run.bestMs = instantOf(keyframe).ms;
      }
      next.set(label, run);
      for (const { box, confidence } of all) {
        this.#sightings.push({ item: run.id, ...instantOf(keyframe), box, confidence: thousandths(confidence) });
      }
    }
    this.#open = next;
  }

  /** In order of time, then by label. */
  items(): ObjectItem[] {
    return [...this.#runs]
      .sort((a, b) => a.first.start_ms - b.first.start_ms || (a.best.label < b.best.label ? -1 : 1))
      .map(({ id, first, last, best, bestMs, count }) => ({
        id,
        ...spanOf(first, last),
        at_ms: bestMs,
        confidence: thousandths(best.confidence),
        label: best.label,
        box: best.box,
        count,
      }));
  }

  /** Every single one, in order of time. */
  sightings(): readonly ObjectSighting[] {
    return this.#sightings;
  }
}
