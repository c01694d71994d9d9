/** What is known of a label in a moment. */
export interface SeenLabel {
  /** How long and how surely it is seen: ms times confidence. */
  readonly seenMs: number;
  /** Confidence of its surest sighting, and when that can be seen. */
  readonly confidence: number;
  readonly atMs: number;
}

/** A label stands in a moment at most so often: seen for 16 s and more. */
const MOST_REPEATS = 6;

/** Labels with their times, what is seen most first. */
export function byTimeSeen(labels: ReadonlyMap<string, SeenLabel>): [label: string, seen: SeenLabel][] {
  return [...labels].sort(([a, one], [b, other]) => other.seenMs - one.seenMs || (a < b ? -1 : 1));
}

/** How often a label stands in its moment: once below a second, twice from one on, and once more for each doubling. So BM25 prefers what is shown longer,
 * in seconds and not in parts of the moment: twenty seconds of people tell more than a clip of two that is full of them. */
export function repeatsOf({ seenMs }: SeenLabel, momentMs: number): number {
  const seconds = Math.min(seenMs, momentMs) / 1000;
  return seconds < 1 ? 1 : Math.min(MOST_REPEATS, 2 + Math.floor(Math.log2(seconds)));
}

/** One more item of a label. */
export function seenAgain(before: SeenLabel | undefined, now: SeenLabel): SeenLabel {
  if (before === undefined) return now;
  const surest = now.confidence > before.confidence ? now : before;
  return { ...surest, seenMs: before.seenMs + now.seenMs };
}
