/** Text to the words that are indexed, in order, repeats kept. `languages`: BCP-47 tags of the row the text is from. */
export type Analyze = (text: string, languages: readonly string[]) => readonly string[];

/** UTF-16 units. Longer tokens (URLs, base64 read off a screen) are cut here, the same way in rows and queries, because LanceDB would drop them. */
const MAX_TOKEN_LENGTH = 200;

/** Characters that either JavaScript or LanceDB's whitespace tokenizer splits at; U+0085 is Unicode white space that `\s` leaves out. */
const SPACES = /[\s\u0085]+/u;

/** Lower-cased runs of letters, marks and digits, NFKC: the analyzer when none is given. */
export function analyzeWords(text: string): readonly string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  );
}

/** What a label is found by in a filter: its words; the label itself, in lower case, where it has none. */
export function labelKey(label: string, analyze: Analyze): string {
  return cleanTokens(analyze(label, [])).join(" ") || label.toWellFormed().toLowerCase();
}

/** Tokens as they are stored and looked up: none empty, none with white space in it, none over length, well-formed Unicode. */
export function cleanTokens(tokens: readonly string[]): string[] {
  const out: string[] = [];
  for (const token of tokens)
    for (const part of token.split(SPACES)) if (part !== "") out.push(part.slice(0, MAX_TOKEN_LENGTH).toWellFormed());
  return out;
}
