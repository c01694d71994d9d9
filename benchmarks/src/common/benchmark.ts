import type { Summary } from "./statistics.ts";

/** One measured number, as it is printed and stored. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** Of the repetitions `value` is the median of. */
  readonly spread?: Summary;
  /** What the project aims at: no more than, or no less than. */
  readonly aim?: { readonly most: number } | { readonly least: number };
}

export interface Result {
  readonly figures: readonly Figure[];
  /** What was measured on: sizes, durations, settings. */
  readonly conditions: Readonly<Record<string, string | number>>;
  /** Text that explains the figures, such as a profile; several lines. */
  readonly notes?: readonly string[];
}

export interface RunOptions {
  /** The smallest configuration: proves that the benchmark runs. Its figures mean nothing. */
  readonly smoke: boolean;
  /** Profile the processes where the benchmark can. */
  readonly profile: boolean;
  /** Empty folder on a real disk, removed afterwards. */
  readonly folder: string;
  /** Says what is being done; not part of the result. */
  readonly say: (line: string) => void;
}

export interface Benchmark {
  readonly name: string;
  /** One line: what is measured, against what. */
  readonly title: string;
  run(options: RunOptions): Promise<Result>;
}

/** Undefined where there is no aim. */
export function aimMet({ value, aim }: Pick<Figure, "value" | "aim">): boolean | undefined {
  if (aim === undefined) return undefined;
  return "most" in aim ? value <= aim.most : value >= aim.least;
}
