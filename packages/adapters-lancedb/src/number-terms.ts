import type { NumberRange } from "@heimdex/ports";

/** Numbers of a row's fields as one text that SQL can look for ranges in: LanceDB's has no way to test each element of a list. A line for each field,
 * its name in hexadecimal; behind it the numbers, each as 16 hexadecimal digits that sort as the numbers do. A range is then a regular expression. */
export function writeNumbers(fields: ReadonlyMap<string, readonly number[]>): string {
  const lines = [...fields].map(([field, numbers]) => [hex(field), ...numbers.map((x) => digits(rankOf(x)))]);
  return lines
    .filter(({ length }) => length > 1)
    .map((line) => line.join(" "))
    .join("\n");
}

/** What `writeNumbers` wrote. */
export function readNumbers(text: string): Map<string, number[]> {
  if (text === "") return new Map();
  return new Map(
    text.split("\n").map((line) => {
      const [field = "", ...numbers] = line.split(" ");
      return [Buffer.from(field, "hex").toString("utf8"), numbers.map((each) => numberOf(BigInt(`0x${each}`)))];
    }),
  );
}

/** A pattern, in the syntax of Rust's crate regex, that finds a text of `writeNumbers` in which a number of the field lies in any of the ranges.
 * Undefined where no number can. */
export function rangePattern(field: string, ranges: readonly NumberRange[]): string | undefined {
  const alternatives = ranges.flatMap((range) => {
    const [from, to] = bounds(range);
    return from <= to ? between(digits(from), digits(to)) : [];
  });
  return alternatives.length === 0 ? undefined : `(?m)^${hex(field)}( [0-9a-f]{16})*? (${alternatives.join("|")})( |$)`;
}

const TOP = 1n << 63n;
const ALL = (1n << 64n) - 1n;
const view = new DataView(new ArrayBuffer(8));

/** The place of a number among all that IEEE 754 has in 64 bits, negative ones and infinities included; -0 is 0. */
function rankOf(x: number): bigint {
  view.setFloat64(0, x === 0 ? 0 : x);
  const bits = view.getBigUint64(0);
  return bits >= TOP ? ALL - bits : bits | TOP;
}

function numberOf(rank: bigint): number {
  view.setBigUint64(0, rank >= TOP ? rank - TOP : ALL - rank);
  return view.getFloat64(0);
}

/** First and last rank of a range. NaN bounds hold for nothing. */
function bounds({ min, max, above, below }: NumberRange): [bigint, bigint] {
  const given = [min, max, above, below];
  if (given.some(Number.isNaN)) return [1n, 0n];
  const from = [min ?? Number.NEGATIVE_INFINITY, above ?? Number.NEGATIVE_INFINITY].map(rankOf);
  const to = [max ?? Number.POSITIVE_INFINITY, below ?? Number.POSITIVE_INFINITY].map(rankOf);
  const [least = 0n, more = 0n] = from;
  const [most = 0n, less = 0n] = to;
  const first = above === undefined || more < least ? least : more + 1n;
  const last = below === undefined || less > most ? most : less - 1n;
  return [first, last];
}

/** Patterns that match just the hexadecimal numbers of equal length from one to another, both included. */
function between(from: string, to: string): string[] {
  if (from === "") return [""];
  const [low, high] = [Number.parseInt(from.charAt(0), 16), Number.parseInt(to.charAt(0), 16)];
  const [fromRest, toRest] = [from.slice(1), to.slice(1)];
  if (low === high) return between(fromRest, toRest).map((rest) => from.charAt(0) + rest);
  const isWholeLow = /^0*$/.test(fromRest);
  const isWholeHigh = /^f*$/.test(toRest);
  const [first, last] = [isWholeLow ? low : low + 1, isWholeHigh ? high : high - 1];
  const any = fromRest === "" ? "" : `[0-9a-f]{${fromRest.length}}`;
  return [
    ...(isWholeLow ? [] : between(fromRest, "f".repeat(fromRest.length)).map((rest) => from.charAt(0) + rest)),
    ...(first <= last ? [oneOf(first, last) + any] : []),
    ...(isWholeHigh ? [] : between("0".repeat(toRest.length), toRest).map((rest) => to.charAt(0) + rest)),
  ];
}

function oneOf(first: number, last: number): string {
  const all = "0123456789abcdef".slice(first, last + 1);
  return all.length === 1 ? all : `[${all}]`;
}

const digits = (rank: bigint): string => rank.toString(16).padStart(16, "0");
const hex = (text: string): string => Buffer.from(text, "utf8").toString("hex");
