import type { MomentItem, MomentLayer } from "./moment.ts";

/** A word with its own time. */
export interface SpokenWord {
  readonly text: string;
  readonly start_ms: number;
  readonly end_ms: number;
}
export interface Phrase {
  /** The phrase as written, white space folded. */
  readonly text: string;
  readonly words: readonly SpokenWord[];
  readonly language: string | undefined;
}

/** Runs whose words give way to subtitles and to what people wrote: the newest, and an earlier one that was kept. */
const RECOGNIZER_RUN = /^run_asr\.transcribe(@|$)/;
/** Cues begin and end within about this of the speech they stand for. */
const CUE_SLACK_MS = 500;

/** All phrases of the transcript layers in order of time, with a time for every word.
 * Subtitles win over recognised speech: a recognised word is left out where a cue of the same or an unstated language covers its
 * middle. So a subtitled film is not found twice by one sentence, with the recognizer's errors, while what no cue covers (forced
 * subtitles, another language) is still heard. Layers of any other run add to both. */
export function phrasesOf(layers: readonly MomentLayer[]): Phrase[] {
  const transcripts = layers.filter((layer) => layer.kind === "transcript");
  const cues = transcripts.filter((layer) => !RECOGNIZER_RUN.test(layer.run ?? ""));
  const phrases: Phrase[] = [];
  for (const layer of transcripts) {
    const recognised = RECOGNIZER_RUN.test(layer.run ?? "");
    for (const item of layer.items) {
      const phrase = phraseOf(item, layer);
      if (phrase === undefined) continue;
      const words = recognised ? phrase.words.filter((word) => !covered(word, phrase.language, cues)) : phrase.words;
      if (words.length === phrase.words.length) phrases.push(phrase);
      else if (words.length > 0) phrases.push({ ...phrase, words, text: words.map((word) => word.text).join(" ") });
    }
  }
  return phrases.sort((a, b) => (a.words[0]?.start_ms ?? 0) - (b.words[0]?.start_ms ?? 0));
}

function phraseOf(item: MomentItem, layer: MomentLayer): Phrase | undefined {
  const text = foldSpaces(item.text);
  if (text === "") return undefined;
  const language = typeof item.language === "string" ? item.language : layer.language;
  const timed = Array.isArray(item.words)
    ? (item.words as SpokenWord[]).filter((word) => foldSpaces(word.text) !== "")
    : [];
  return { text, language, words: timed.length > 0 ? timed : spread(text, item) };
}

/** Words without times of their own share the phrase's time by their length in characters. */
function spread(text: string, { start_ms, end_ms }: MomentItem): SpokenWord[] {
  const perCharacter = (end_ms - start_ms) / text.length;
  let at = 0;
  return text.split(" ").map((word) => {
    const start = Math.floor(start_ms + at * perCharacter);
    at += word.length + 1;
    const end = Math.floor(start_ms + Math.min(at, text.length) * perCharacter);
    return { text: word, start_ms: start, end_ms: end };
  });
}

/** When each word of a phrase's text is said, by what stands between blanks. Recognizers and subtitles may divide a text otherwise than by its blanks:
 * where they do, words and times are brought together by how far each is into the phrase.
 * @param words of the phrase, at least one */
export function wordTimes(text: string, words: readonly SpokenWord[]): number[] {
  const all = words.reduce((sum, word) => sum + word.text.length + 1, 0);
  const times: number[] = [];
  let offset = 0;
  let at = 0;
  let ends = (words[0]?.text.length ?? 0) + 1;
  for (const shown of text.split(" ")) {
    while (at < words.length - 1 && ends <= (offset * all) / (text.length + 1)) {
      at++;
      ends += (words[at]?.text.length ?? 0) + 1;
    }
    times.push(words[at]?.start_ms ?? 0);
    offset += shown.length + 1;
  }
  return times;
}

function covered(word: SpokenWord, language: string | undefined, cues: readonly MomentLayer[]): boolean {
  const middle = middleOf(word);
  return cues.some((layer) => {
    // Last cue that begins in time; cues are in order of time.
    let low = 0;
    let high = layer.items.length;
    while (low < high) {
      const at = (low + high) >> 1;
      if ((layer.items[at]?.start_ms ?? 0) - CUE_SLACK_MS <= middle) low = at + 1;
      else high = at;
    }
    const cue = layer.items[low - 1];
    if (cue === undefined || middle >= cue.end_ms + CUE_SLACK_MS) return false;
    const cueLanguage = typeof cue.language === "string" ? cue.language : layer.language;
    return cueLanguage === undefined || language === undefined || primary(cueLanguage) === primary(language);
  });
}

/** Where on the timeline a word counts as said. */
export const middleOf = (word: SpokenWord) => Math.floor((word.start_ms + word.end_ms) / 2);

const primary = (tag: string) => tag.split("-")[0]?.toLowerCase();

/** A text in one line; "" for anything that is no text. */
export function foldSpaces(text: unknown): string {
  return typeof text === "string" ? text.normalize("NFC").replace(/\s+/gu, " ").trim() : "";
}
