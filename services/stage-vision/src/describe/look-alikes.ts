import type { KeyframeItem } from "@heimdex/sidecar";
import { type Thumbnail, thumbnailDifference } from "./thumbnail.ts";

/** Keyframes that look alike, and the one of them that is described. */
export interface LookAlikes {
  /** The sharpest; of equals the first. */
  readonly described: KeyframeItem;
  /** Stretches of keyframes that follow each other, in order of time. */
  readonly runs: readonly (readonly KeyframeItem[])[];
}

interface Group {
  readonly thumbnail: Thumbnail;
  readonly runs: KeyframeItem[][];
}

/** Sorts keyframes into groups that look alike: a keyframe joins the group whose first thumbnail is nearest to its own and differs by less than a limit,
 * else begins one. Compared with the first and not the last, so that a slow pan does not end up in one group with what it left. */
export class LookAlikeGroups {
  readonly #limit: number;
  readonly #groups: Group[] = [];
  #last: Group | undefined;

  /** @param limit mean absolute difference of thumbnails, 0..255; 0: all are described */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keyframes come in order of time. */
  add(keyframe: KeyframeItem, thumbnail: Thumbnail): void {
    let nearest: { group: Group; difference: number } | undefined;
    for (const group of this.#groups) {
      const difference = thumbnailDifference(group.thumbnail, thumbnail);
      if (difference < this.#limit && difference < (nearest?.difference ?? Number.POSITIVE_INFINITY))
        nearest = { group, difference };
    }
    const group = nearest?.group ?? this.#begin(thumbnail);
    if (group === this.#last) group.runs.at(-1)?.push(keyframe);
    else group.runs.push([keyframe]);
    this.#last = group;
  }

  /** What has been added is followed by a keyframe that is in no group: what comes next begins a run. */
  interrupt(): void {
    this.#last = undefined;
  }

  #begin(thumbnail: Thumbnail): Group {
    const group = { thumbnail, runs: [] };
    this.#groups.push(group);
    return group;
  }

  /** At most `most` groups, evenly spread over those there are, in order of their first keyframes. */
  chosen(most: number): LookAlikes[] {
    const total = this.#groups.length;
    const count = Math.min(most, total);
    return Array.from({ length: count }, (_, i) => {
      const { runs } = this.#groups[Math.floor(((i + 0.5) * total) / count)] as Group;
      return { described: sharpest(runs.flat()), runs };
    });
  }
}

function sharpest(keyframes: readonly KeyframeItem[]): KeyframeItem {
  return keyframes.reduce((best, other) => ((other.sharpness ?? 0) > (best.sharpness ?? 0) ? other : best));
}
