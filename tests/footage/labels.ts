/** A thing, and where one sees it: by eye, at single seconds. */
export interface Labelled {
  readonly query: string;
  /** A clip that shows it now and then: at seconds where one sees it, and where one does not. */
  readonly clip: string;
  readonly seenAtSeconds: readonly number[];
  readonly notSeenAtSeconds: readonly number[];
  /** Clips whose every frame shows it. */
  readonly alwaysIn?: RegExp;
}

export const LABELLED: readonly Labelled[] = [
  { query: "bottle", clip: "bottle-detection.mp4", seenAtSeconds: [1, 12, 30], notSeenAtSeconds: [] },
  {
    query: "car",
    clip: "car-detection.mp4",
    seenAtSeconds: [6, 16.5, 26.5],
    notSeenAtSeconds: [2, 11, 21, 29],
  },
  {
    query: "person",
    clip: "one-by-one-person-detection.mp4",
    seenAtSeconds: [12, 60, 100],
    notSeenAtSeconds: [2, 46, 137],
    alwaysIn: /^signing\/\w+\.mkv$/,
  },
];

/** Does the clip show it there? By the labelled second that is nearest. Undefined: nobody looked at this clip. */
export function isSeen(
  { clip, seenAtSeconds, notSeenAtSeconds, alwaysIn }: Labelled,
  at: { readonly clip: string; readonly ms: number },
): boolean | undefined {
  if (alwaysIn?.test(at.clip)) return true;
  if (at.clip !== clip) return undefined;
  const away = (seconds: readonly number[]) => Math.min(...seconds.map((second) => Math.abs(second * 1000 - at.ms)));
  return away(seenAtSeconds) < away(notSeenAtSeconds);
}

/** Clips that show the same person in the same clothes before the same wall: only what the hands do tells them apart. */
const RETAKES: readonly (readonly string[])[] = [
  ["signing/again.mkv", "signing/brother.mkv", "signing/help.mkv"],
  ["signing/book.mkv", "signing/learn.mkv"],
];

/** Is it the same clip, or a retake of it? */
export function isRetake(a: string, b: string): boolean {
  return a === b || RETAKES.some((clips) => clips.includes(a) && clips.includes(b));
}
