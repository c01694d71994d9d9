import { type Token, tokensOf } from "./analyze.ts";
import type { Query } from "./query.ts";

/** Part of a text that shows why it was found. */
export interface Snippet {
  /** One line; "…" where something was left out. */
  readonly text: string;
  /** Spans of `text`, in UTF-16 units, half-open, that match. */
  readonly highlights: readonly { readonly start: number; readonly end: number }[];
  /** Where the match begins in the text that was given; undefined without one. */
  readonly at: number | undefined;
}

const ELLIPSIS = "…";

/** The stretch of at most `length` characters of `text` that begins with a quoted phrase, else the one that holds the most different terms, closest
 * together; whole words at both ends. Without a match: the beginning.
 * @param text lines with single blanks between words, as moments have it */
export function snippetOf(text: string, query: Pick<Query, "terms" | "asides" | "phrases">, length = 160): Snippet {
  const line = text.replace(/\s/gu, " ");
  const tokens = tokensOf(line);
  const wanted = new Set(query.terms);
  const matches = tokens.filter((token) => wanted.has(token.term));
  const at = phraseAt(tokens, query.phrases) ?? closestMatches(text, tokens, query, length);
  // A third of the room is left for what stands before the first match.
  let from = Math.max(0, Math.min((at ?? 0) - Math.floor(length / 3), line.length - length));
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
    at,
  };
}

/** Where the first quoted phrase begins that stands in a text. */
function phraseAt(tokens: readonly Token[], phrases: Query["phrases"]): number | undefined {
  for (const phrase of phrases) {
    const first = tokens.findIndex((_, i) => phrase.every((term, n) => tokens[i + n]?.term === term));
    if (first >= 0) return tokens[first]?.start;
  }
  return undefined;
}

/** Where the stretch begins that holds the most different terms, and of those the one with the fewest words between. An aside tells less than any term. */
function closestMatches(
  text: string,
  tokens: readonly Token[],
  { terms, asides }: Pick<Query, "terms" | "asides">,
  length: number,
): number | undefined {
  const worth = new Map(terms.map((term) => [term, asides.includes(term) ? 1 / terms.length : 1]));
  const matches = [...tokens.entries()].filter(([, { term }]) => worth.has(term));
  let best: { readonly at: number; readonly worth: number; readonly words: number } | undefined;
  for (const [i, [nth, first]] of matches.entries()) {
    const seen = new Set<string>();
    let sum = 0;
    for (const [n, { term, end }] of matches.slice(i)) {
      if (end - first.start > length) break;
      if (seen.has(term)) continue;
      seen.add(term);
      sum += worth.get(term) ?? 0;
      // Another line may be of another time.
      const words = n - nth + text.slice(first.start, end).split("\n").length - 1;
      if (best === undefined || sum > best.worth || (sum === best.worth && words < best.words))
        best = { at: first.start, worth: sum, words };
    }
  }
  return best?.at;
}
