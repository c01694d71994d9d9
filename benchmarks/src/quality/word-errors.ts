import { editDistance } from "../common/edit-distance.ts";

/** Words as they are compared: lower case, without punctuation; apostrophes stay, hyphens part. */
export function spokenWords(text: string): string[] {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll("’", "'")
    .split(/[^\p{L}\p{N}']+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
}

/** Word error rate: words wrong, missing and superfluous, by the words said. Above 1 where more is invented than was said. Pure. */
export function wordErrorRate(said: string, heard: string): number {
  const [want, got] = [spokenWords(said), spokenWords(heard)];
  if (want.length === 0) return got.length === 0 ? 0 : Number.POSITIVE_INFINITY;
  return editDistance(want, got) / want.length;
}
