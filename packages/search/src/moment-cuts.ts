import type { MomentLayer } from "./moment.ts";
import { middleOf, type SpokenWord } from "./spoken-words.ts";

/** No moment is longer. */
export const MAX_MOMENT_MS = 30_000;
/** A piece that is split off is not shorter, nor is what it leaves. */
const MIN_PIECE_MS = 10_000;
const MIN_REST_MS = 5_000;
/** Pauses beyond this are all as good; a cut of the picture or the end of a sentence counts as a pause of this much. */
const LONG_PAUSE_MS = 2_000;
const SHOT_CUT_MS = 700;
const SENTENCE_END_MS = 400;

interface Candidate {
  readonly at: number;
  /** Larger is better. */
  readonly worth: number;
}

/** Where moments begin, and at last the end: ascending, from 0 to `durationMs`, never more than 30 s apart.
 * Scenes bound moments. A longer scene, or the whole where there are no scenes, is split at the best speech pause or cut between 10 s
 * and 30 s after its start, and evenly where there is neither. */
export function momentCuts(durationMs: number, layers: readonly MomentLayer[], words: readonly SpokenWord[]): number[] {
  const bounds = new Set([0, durationMs]);
  for (const layer of layers) {
    if (layer.kind !== "scenes") continue;
    for (const scene of layer.items) {
      for (const at of [scene.start_ms, scene.end_ms]) if (at > 0 && at < durationMs) bounds.add(at);
    }
  }
  const candidates = [...pauses(words), ...shotCuts(layers)].sort((a, b) => a.at - b.at);
  const sorted = [...bounds].sort((a, b) => a - b);
  const cuts = [0];
  for (let i = 1; i < sorted.length; i++) {
    const start = sorted[i - 1] ?? 0;
    const end = sorted[i] ?? 0;
    cuts.push(...split(start, end, candidates), end);
  }
  return cuts;
}

function split(start: number, end: number, candidates: readonly Candidate[]): number[] {
  const cuts: number[] = [];
  let from = start;
  let next = 0;
  while (end - from > MAX_MOMENT_MS) {
    const earliest = from + MIN_PIECE_MS;
    const latest = Math.min(from + MAX_MOMENT_MS, end - MIN_REST_MS);
    while (next < candidates.length && (candidates[next]?.at ?? 0) < earliest) next++;
    let best: Candidate | undefined;
    for (let i = next; i < candidates.length; i++) {
      const candidate = candidates[i];
      if (candidate === undefined || candidate.at > latest) break;
      if (best === undefined || candidate.worth >= best.worth) best = candidate;
    }
    const pieces = Math.ceil((end - from) / MAX_MOMENT_MS);
    from = best?.at ?? from + Math.floor((end - from) / pieces);
    cuts.push(from);
  }
  return cuts;
}

/** Middles of the gaps between words, as long as nobody else speaks. */
function pauses(words: readonly SpokenWord[]): Candidate[] {
  const found: Candidate[] = [];
  let spokenUntil = 0;
  let previous: SpokenWord | undefined;
  for (const word of words) {
    if (previous !== undefined && word.start_ms >= spokenUntil && middleOf(word) > middleOf(previous)) {
      const gap = word.start_ms - spokenUntil;
      const sentenceEnds = /[.!?…。！？]["'”’)\]]*$/u.test(previous.text);
      found.push({
        at: spokenUntil + Math.floor(gap / 2),
        worth: Math.min(gap, LONG_PAUSE_MS) + (sentenceEnds ? SENTENCE_END_MS : 0),
      });
    }
    spokenUntil = Math.max(spokenUntil, word.end_ms);
    previous = word;
  }
  return found;
}

function shotCuts(layers: readonly MomentLayer[]): Candidate[] {
  return layers
    .filter((layer) => layer.kind === "shots")
    .flatMap((layer) => layer.items.map((shot) => ({ at: shot.start_ms, worth: SHOT_CUT_MS })));
}
