import { editDistance } from "../common/edit-distance.ts";

/** A line that was written into a shot. */
export interface PlantedLine {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** A text that was read, with its time on screen. */
export interface ReadLine {
  readonly text: string;
  readonly start_ms: number;
  readonly end_ms: number;
}

export interface ReadingScore {
  /** Planted lines that were read, of all planted. */
  readonly recall: number;
  /** Read lines that were planted, of all read. */
  readonly precision: number;
  /** Wrong, missing and superfluous characters in the lines that were read, of all characters planted in them. */
  readonly characterError: number;
  readonly matched: number;
}

/** A line counts as read up to this share of wrong characters: beyond it, it is another text. */
const MOST_WRONG = 0.3;

/** Compares what was read with what was planted: each planted line with the most similar read one of its time that is not taken. Case and
 * spaces count. Pure. */
export function scoreReading(planted: readonly PlantedLine[], read: readonly ReadLine[]): ReadingScore {
  const pairs = planted.flatMap((line, at) =>
    read.flatMap((other, index) =>
      other.start_ms < line.endMs && other.end_ms > line.startMs
        ? [{ at, index, wrong: editDistance([...line.text], [...other.text]) }]
        : [],
    ),
  );
  pairs.sort((a, b) => a.wrong - b.wrong || a.at - b.at || a.index - b.index);
  const found = new Map<number, number>();
  const taken = new Set<number>();
  let wrong = 0;
  let characters = 0;
  for (const pair of pairs) {
    const { length } = [...(planted[pair.at] as PlantedLine).text];
    if (found.has(pair.at) || taken.has(pair.index) || pair.wrong > MOST_WRONG * length) continue;
    found.set(pair.at, pair.index);
    taken.add(pair.index);
    wrong += pair.wrong;
    characters += length;
  }
  return {
    recall: planted.length === 0 ? 1 : found.size / planted.length,
    precision: read.length === 0 ? 1 : taken.size / read.length,
    characterError: characters === 0 ? 0 : wrong / characters,
    matched: found.size,
  };
}
