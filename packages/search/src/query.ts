import { type Token, tokensOf } from "./analyze.ts";
import { ASIDES, QUERY_WORDS } from "./stop-words.ts";

/** More says nothing more: the rest of a longer query is not read. */
export const MAX_QUERY_LENGTH = 2_000;
export const MAX_QUERY_TERMS = 64;

export interface Query {
  /** What was asked, NFC, white space folded, cut at `MAX_QUERY_LENGTH`; "" when nothing was: an error, at the edge. */
  readonly text: string;
  /** Distinct terms to search by, in order. Empty when there are only function words, or none at all: then no text matches. */
  readonly terms: readonly string[];
  /** Those of the terms that raise what has them, but are no evidence: "people talking about bread" is answered where nobody is seen. */
  readonly asides: readonly string[];
  /** What stood in quotation marks, as terms: a hit must contain each, word after word. */
  readonly phrases: readonly (readonly string[])[];
}

const QUOTED = /"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»/gu;

/** What a query asks for. Function words and words about searching ("find the scene where") are left out unless they are quoted;
 * the latter stay when nothing else is left ("people talking"), and those that are things to be seen stay as asides ("a person at a table"). Never throws. */
export function parseQuery(text: string): Query {
  const clean = text.slice(0, MAX_QUERY_LENGTH).toWellFormed().normalize("NFC").replace(/\s+/gu, " ").trim();
  const phrases: string[][] = [];
  const quoted: Token[] = [];
  for (const match of clean.matchAll(QUOTED)) {
    const tokens = tokensOf(match.slice(1).find((group) => group !== undefined) ?? "");
    if (tokens.length === 0) continue;
    phrases.push(tokens.map((token) => token.term).slice(0, MAX_QUERY_TERMS));
    quoted.push(...tokens);
  }
  const content = tokensOf(clean.replace(QUOTED, " ")).filter((token) => !token.stop);
  const subject = content.filter((token) => !QUERY_WORDS.has(token.folded));
  const bare = onlyPairs(subject.length > 0 || quoted.length > 0 ? subject : content);
  const quotedContent = quoted.filter((token) => !token.stop);
  const asked = [...(quotedContent.length > 0 || bare.length > 0 ? onlyPairs(quotedContent) : quoted), ...bare];
  const terms = new Set([...new Set(asked.map((token) => token.term))].slice(0, MAX_QUERY_TERMS));
  const asides = new Set(content.filter((token) => ASIDES.has(token.folded)).map((token) => token.term));
  return { text: clean, terms: [...terms.union(asides)], asides: [...asides.difference(terms)], phrases };
}

/** Of unspaced scripts, pairs tell much more than their characters; a character alone stays. */
function onlyPairs(tokens: readonly Token[]): Token[] {
  const pairs = tokens.filter(
    (token) =>
      token.end - token.start > 1 && [...token.term].length === 2 && !/^[\p{Script=Latin}\p{N}]/u.test(token.term),
  );
  return tokens.filter(
    (token) =>
      !(
        /^[^\p{Script=Latin}\p{N}]$/u.test(token.term) &&
        pairs.some((pair) => pair.start <= token.start && token.end <= pair.end && pair.term.includes(token.term))
      ),
  );
}
