import type { Field } from "./rank.ts";

/** When what stands in a moment is said or seen, ms: of each text field a list for each of its lines, with the time of each word of the line; where there
 * are fewer times than words, the last one holds for the rest. Of labels, a line is a label, however often it stands in the moment. */
export type Instants = Readonly<Partial<Record<Field, readonly (readonly number[])[]>>>;

/** The same, and of each embedding space the times of the moment's vectors in it, in the order in which the index has them. */
export interface RowInstants {
  readonly texts: Instants;
  readonly vectors: Readonly<Record<string, readonly number[]>>;
  /** Of each custom field the first time of each of its values, in the order in which the row has them. Default: none is known. */
  readonly fields?: Readonly<Record<string, readonly number[]>>;
}

/** As a row of the index keeps it: JSON, of each line the first time and then the steps, which is half as long. */
export function writeInstants({ texts, vectors, fields }: RowInstants): string {
  const steps = mapLines(texts, (times) => times.map((at, i) => at - (times[i - 1] ?? 0)));
  return JSON.stringify({
    texts: steps,
    vectors,
    ...(fields !== undefined && Object.keys(fields).length > 0 && { fields }),
  });
}

/** What `writeInstants` wrote. A row that has none of it, "", knows no times. */
export function readInstants(text: string): RowInstants {
  if (text === "") return { texts: {}, vectors: {} };
  const { texts, vectors, fields } = JSON.parse(text) as RowInstants;
  return { texts: mapLines(texts, summed), vectors, ...(fields && { fields }) };
}

/** The time of what stands at an offset of a field's text; undefined where none is known. */
export function instantAt(
  lines: readonly (readonly number[])[] | undefined,
  text: string,
  offset: number,
): number | undefined {
  const before = text.slice(0, offset).split("\n");
  const times = lines?.[before.length - 1] ?? [];
  const word = (before.at(-1) ?? "").split(" ").length - 1;
  return times[Math.min(word, times.length - 1)];
}

function mapLines(texts: Instants, change: (times: readonly number[]) => readonly number[]): Instants {
  return Object.fromEntries(Object.entries(texts).map(([field, lines]) => [field, lines.map(change)]));
}

function summed(steps: readonly number[]): number[] {
  let at = 0;
  return steps.map((step) => {
    at += step;
    return at;
  });
}
