import { itemId, type TextItem } from "@heimdex/sidecar";
import { type KeyframesToLookAt, lookAtKeyframes, UnreadableKeyframes } from "../keyframes/look-at-keyframes.ts";
import type { Sighting } from "./sighting.ts";
import { type ReadFrame, textsOverTime } from "./timeline.ts";

export interface KeyframesToRead extends KeyframesToLookAt<readonly Sighting[]> {
  /** Id of the asset. */
  readonly asset: string;
}

export interface KeyframesRead {
  /** In order of time, then of reading. Empty: there is no text. */
  readonly items: TextItem[];
  /** Keyframes whose picture could not be read. */
  readonly unreadable: UnreadableKeyframes;
}

/** All text of an asset, one item for each text over its whole time on screen. Rejects as `lookAtKeyframes` does. */
export async function readKeyframes({ asset, ...input }: KeyframesToRead): Promise<KeyframesRead> {
  const { keyframes } = input;
  const frames: ReadFrame[] = [];
  const unreadable = new UnreadableKeyframes();
  for await (const look of lookAtKeyframes(input)) {
    const { id, start_ms, end_ms } = look.keyframe;
    if ("unreadable" in look) unreadable.add(look.keyframe, look.unreadable);
    frames.push({ id, start_ms, end_ms, sightings: "seen" in look ? look.seen : [] });
  }

  const startOf = new Map(keyframes.map((keyframe) => [keyframe.id, keyframe.start_pts ?? keyframe.start_ms]));
  const items = textsOverTime(frames).map(
    ({ twin, text, confidence, box, polygon, start_ms, end_ms, frames: ids }): TextItem => {
      const start = startOf.get(ids[0] as string) as number;
      const item = {
        id: itemId("text", asset, "text", start, twin === 0 ? text : `${text}#${twin}`),
        start_ms,
        end_ms,
        // Three digits: the last bits differ between processors, and an equal result must be equal bytes.
        confidence: Math.round(confidence * 1000) / 1000,
        text,
        box,
        frames: [...ids],
      };
      return polygon === undefined ? item : { ...item, polygon: [...polygon] };
    },
  );
  return { items, unreadable };
}
