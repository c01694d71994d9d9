import { spelling } from "./spelling.ts";
import { stem } from "./stem.ts";
import { STOP_WORDS } from "./stop-words.ts";

/** Names what `analyze` does: an index made with another one must be made anew. */
export const ANALYZER_ID = "heimdex-words-3";

/** A word of a text, and where it stands. */
export interface Token {
  /** What is indexed and compared: folded, in American spelling and stemmed. */
  readonly term: string;
  /** Folded, not stemmed: what the stop words list. */
  readonly folded: string;
  /** Offsets in UTF-16 units into the text as given. */
  readonly start: number;
  readonly end: number;
  /** A function word: no evidence by itself. */
  readonly stop: boolean;
}

/** Letters, marks and digits, with apostrophes inside. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’ʼ][\p{L}\p{M}\p{N}]+)*/gu;
/** Scripts written without blanks between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/u;
const UNSPACED_RUNS = new RegExp(`${UNSPACED.source}|(?:(?!${UNSPACED.source}).)+`, "gsu");
/** Combining accents of Latin, Greek and Cyrillic; marks of other scripts are letters of theirs. */
const ACCENTS = /[\u0300-\u036f]/gu;
/** Longer ones (URLs, noise read off a screen) are cut alike in rows and queries. */
const MAX_TERM = 64;

/** The words of a text in order. One analyzer serves rows, queries and highlights, whatever the language: NFKC, lower case,
 * accents of alphabetic scripts dropped (text read off a screen often lacks them), possessive 's dropped, American spelling, English stems.
 * Scripts without blanks give each character and each pair of neighbours. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(WORD)) {
    for (const run of match[0].matchAll(UNSPACED_RUNS)) {
      const start = match.index + run.index;
      if (UNSPACED.test(run[0])) pairs(run[0], start, tokens);
      else {
        const folded = fold(run[0]);
        if (folded === "") continue;
        const term = stem(spelling(folded)).slice(0, MAX_TERM);
        tokens.push({ term, folded, start, end: start + run[0].length, stop: STOP_WORDS.has(folded) });
      }
    }
  }
  return tokens;
}

/** The terms of a text for the index, in order, repeats kept. */
export function analyze(text: string): string[] {
  return tokensOf(text).map((token) => token.term);
}

/** How a word is compared before stemming. */
export function fold(word: string): string {
  return word
    .normalize("NFKC")
    .toLowerCase()
    .replace(/['’ʼ]s$/u, "")
    .replace(/['’ʼ]/gu, "")
    .normalize("NFD")
    .replace(ACCENTS, "")
    .normalize("NFC");
}

function pairs(run: string, start: number, into: Token[]): void {
  const characters = [...run.normalize("NFC")];
  // Normalising may shorten the run; offsets then end with it, which only widens a highlight.
  let at = start;
  for (const [i, character] of characters.entries()) {
    const next = characters[i + 1];
    const token = (term: string) => ({
      term,
      folded: term,
      start: at,
      end: Math.min(at + term.length, start + run.length),
      stop: false,
    });
    into.push(token(character));
    if (next !== undefined) into.push(token(character + next));
    at += character.length;
  }
}
