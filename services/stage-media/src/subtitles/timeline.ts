import { itemId, type StageLayer } from "@heimdex/sidecar";
import type { Cue } from "./cue.ts";

type Item = StageLayer<"transcript">["items"][number];

export interface Placed {
  readonly items: Item[];
  /** Cues that lie wholly outside the asset's timeline. */
  readonly outside: number;
}

/** Puts cues on the asset's timeline: subtracts the clock's offset, clips to the asset, sorts by start, and joins a cue that
 * goes on with the same words (captions are often re-sent in pieces). Overlapping cues stay as they are: two people may
 * speak at once.
 * @param offsetMs what the cues' clock shows at the timeline's 0
 * @param durationMs end of the asset; 0 where it is unknown: then nothing is clipped there */
export function placeCues(cues: readonly Cue[], asset: string, offsetMs: number, durationMs: number): Placed {
  const end = durationMs > 0 ? durationMs : 4_294_967_295;
  const placed = cues
    .map((cue) => ({
      ...cue,
      startMs: Math.max(0, Math.round(cue.startMs - offsetMs)),
      endMs: Math.min(end, Math.round(cue.endMs - offsetMs)),
    }))
    .filter((cue) => cue.endMs > cue.startMs)
    .sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  const joined: Cue[] = [];
  for (const cue of placed) {
    const before = joined.at(-1);
    if (before && before.text === cue.text && before.speaker === cue.speaker && cue.startMs <= before.endMs) {
      joined[joined.length - 1] = { ...before, endMs: Math.max(before.endMs, cue.endMs) };
    } else {
      joined.push(cue);
    }
  }
  const items = joined.map(({ startMs, endMs, text, speaker }) => ({
    id: itemId("cue", asset, "transcript", startMs, text),
    start_ms: startMs,
    end_ms: endMs,
    text,
    ...(speaker === undefined ? {} : { speaker }),
  }));
  return { items, outside: cues.length - placed.length };
}
