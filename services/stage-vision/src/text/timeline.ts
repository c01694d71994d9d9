import { editDistance } from "./edit-distance.ts";
import { intersectionOverUnion } from "./quad.ts";
import type { Sighting } from "./sighting.ts";

/** A keyframe with what was read on it, in reading order. */
export interface ReadFrame {
  readonly id: string;
  /** How long the keyframe stands for the timeline, ms, half-open. */
  readonly start_ms: number;
  readonly end_ms: number;
  readonly sightings: readonly Sighting[];
}

/** One text over the whole time it stood on screen. */
export interface TextOverTime extends Sighting {
  readonly start_ms: number;
  readonly end_ms: number;
  /** Ids of the keyframes it was read on, in order of time. */
  readonly frames: readonly string[];
  /** Tells apart what starts together with the same text: 0 for the first in reading order. */
  readonly twin: number;
}

/** Two boxes with less in common are two places. Lines are thin: a jitter of a quarter of their height leaves 0.6. */
const SAME_PLACE = 0.4;
/** Part of the letters that may differ between two readings of one text. */
const MISREAD_PART = 0.2;

/** Joins the same text at the same place on keyframes that follow each other into one item, with the box of its first
 * sighting and the spelling of its surest. Items come in order of time, then of reading. A text that is gone for a keyframe
 * and comes back is two items: that is what was seen.
 * @param frames in order of time */
export function textsOverTime(frames: readonly ReadFrame[]): TextOverTime[] {
  const all: Track[] = [];
  let open: Track[] = [];
  for (const frame of frames) {
    const next: Track[] = [];
    const goesOn = continuations(open, frame.sightings);
    for (const [i, sighting] of frame.sightings.entries()) {
      let track = goesOn.get(i);
      if (track === undefined) {
        track = {
          first: sighting,
          best: sighting,
          latest: sighting,
          start_ms: frame.start_ms,
          end_ms: frame.end_ms,
          frames: [],
        };
        all.push(track);
      }
      if (sighting.confidence > track.best.confidence) track.best = sighting;
      track.latest = sighting;
      track.end_ms = Math.max(track.end_ms, frame.end_ms);
      track.frames.push(frame.id);
      next.push(track);
    }
    open = next;
  }

  const twins = new Map<string, number>();
  return all.map(({ first, best, start_ms, end_ms, frames: ids }) => {
    const key = JSON.stringify([start_ms, best.text]);
    const twin = twins.get(key) ?? 0;
    twins.set(key, twin + 1);
    const { box, polygon } = first;
    const where = polygon === undefined ? { box } : { box, polygon };
    return { text: best.text, confidence: best.confidence, ...where, start_ms, end_ms, frames: ids, twin };
  });
}

interface Track {
  readonly first: Sighting;
  best: Sighting;
  latest: Sighting;
  readonly start_ms: number;
  end_ms: number;
  readonly frames: string[];
}

/** Which open track each sighting goes on with: the pairs that overlap most first, each side once. */
function continuations(open: readonly Track[], sightings: readonly Sighting[]): Map<number, Track> {
  const pairs: { track: Track; sighting: number; overlap: number }[] = [];
  for (const track of open) {
    for (const [sighting, seen] of sightings.entries()) {
      const overlap = intersectionOverUnion(track.latest.box, seen.box);
      if (
        overlap >= SAME_PLACE &&
        (isSameText(track.latest.text, seen.text) || isSameText(track.best.text, seen.text))
      ) {
        pairs.push({ track, sighting, overlap });
      }
    }
  }
  pairs.sort((a, b) => b.overlap - a.overlap);
  const taken = new Set<Track>();
  const goesOn = new Map<number, Track>();
  for (const { track, sighting } of pairs) {
    if (taken.has(track) || goesOn.has(sighting)) continue;
    taken.add(track);
    goesOn.set(sighting, track);
  }
  return goesOn;
}

/** Two readings of one text? Case, spaces and punctuation do not count, and some letters may be misread; but digits must
 * agree: a clock, a score or a price that moves on is another text. */
export function isSameText(a: string, b: string): boolean {
  const [s, t] = [bare(a), bare(b)];
  if (s === t) return s !== "" || a === b;
  if (digits(s) !== digits(t)) return false;
  const limit = Math.floor(Math.max(s.length, t.length) * MISREAD_PART);
  return limit > 0 && editDistance(s, t, limit) <= limit;
}

const bare = (text: string) =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
const digits = (text: string) => text.replace(/\P{N}+/gu, "");
