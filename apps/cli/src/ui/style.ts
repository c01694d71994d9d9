import { styleText } from "node:util";

/** Paints text for terminals; leaves it alone elsewhere. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  /** Words of a query found in a text. */
  match(text: string): string;
}

export const PLAIN: Style = {
  bold: (text) => text,
  dim: (text) => text,
  good: (text) => text,
  bad: (text) => text,
  warn: (text) => text,
  match: (text) => text,
};

const paint =
  (...format: Parameters<typeof styleText>[0][]) =>
  (text: string) =>
    styleText(format.flat() as Parameters<typeof styleText>[0], text, { validateStream: false });

export const COLOURED: Style = {
  bold: paint("bold"),
  dim: paint("dim"),
  good: paint("green"),
  bad: paint("red"),
  warn: paint("yellow"),
  match: paint("bold", "yellow"),
};

/** NO_COLOR (https://no-color.org) wins over FORCE_COLOR, which wins over what the stream is. */
export function styleFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Style {
  if (env.NO_COLOR) return PLAIN;
  if (env.FORCE_COLOR && env.FORCE_COLOR !== "0") return COLOURED;
  return stream.isTTY === true && env.TERM !== "dumb" ? COLOURED : PLAIN;
}
