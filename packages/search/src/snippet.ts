import { tokensOf } from "./analyze.ts";

/** Part of a text that shows why it was found. */
export interface Snippet {
  /** One line; "…" where something was left out. */
  readonly text: string;
  /** Spans of `text`, in UTF-16 units, half-open, that match. */
  readonly highlights: readonly { readonly start: number; readonly end: number }[];
}

const ELLIPSIS = "…";

/** The stretch of at most `length` characters of `text` that holds the most different terms, whole words at both ends.
 * Without a match: the beginning. */
export function snippetOf(text: string, terms: readonly string[], length = 160): Snippet {
  const line = text.replace(/\s+/gu, " ").trim();
  const wanted = new Set(terms);
  const tokens = tokensOf(line);
  const matches = tokens.filter((token) => wanted.has(token.term));
  let from = 0;
  let best = -1;
  for (const [i, first] of matches.entries()) {
    const seen = new Set<string>();
    for (let j = i; j < matches.length; j++) {
      const match = matches[j];
      if (match === undefined || match.end - first.start > length) break;
      seen.add(match.term);
    }
    if (seen.size > best) {
      best = seen.size;
      from = first.start;
    }
  }
  // A third of the room is left for what stands before the first match.
  from = Math.max(0, Math.min(from - Math.floor(length / 3), line.length - length));
  if (from > 0) from = tokens.find((token) => token.start >= from)?.start ?? from;
  let to = Math.min(line.length, from + length);
  if (to < line.length) to = tokens.findLast((token) => token.end <= to && token.end > from)?.end ?? to;
  const before = from > 0 ? ELLIPSIS : "";
  const shift = before.length - from;
  return {
    text: before + line.slice(from, to).trimEnd() + (to < line.length ? ELLIPSIS : ""),
    highlights: matches
      .filter((match) => match.start >= from && match.end <= to)
      .map((match) => ({ start: match.start + shift, end: match.end + shift })),
  };
}
