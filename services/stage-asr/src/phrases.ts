import { itemId, type StageLayer, type Word } from "@heimdex/sidecar";
import type { RecognizedRegion } from "./recognizer.ts";

type Item = StageLayer<"transcript">["items"][number];

export interface PhraseOptions {
  /** A pause from this many ms on ends a phrase. */
  readonly pauseMs: number;
  /** Longer phrases are split at their longest pause, in ms. */
  readonly maxPhraseMs: number;
  /** A region whose words have a lower mean confidence (weighted by their lengths) is dropped: the recognizer made
   * something of what was no speech it knows. 0..1. */
  readonly minConfidence: number;
}

/** Drops what is no speech, maps words onto the asset's timeline and cuts them into phrases, one item each.
 * @param durationMs end of the audio: no item passes it */
export function toItems(
  regions: readonly RecognizedRegion[],
  asset: string,
  layerLanguage: string | undefined,
  durationMs: number,
  options: PhraseOptions,
): Item[] {
  const items: Item[] = [];
  for (const recognized of regions) {
    const words = onTimeline(recognized, durationMs);
    if (words.length === 0 || meanConfidence(words) < options.minConfidence || isLoop(words)) continue;
    const { language } = recognized;
    for (const phrase of splitPhrases(words, options)) {
      const item = toItem(phrase, asset, language ?? layerLanguage);
      items.push({ ...item, ...(language && language !== layerLanguage ? { language } : {}) });
    }
  }
  return items.sort((a, b) => a.start_ms - b.start_ms);
}

function onTimeline({ region, words }: RecognizedRegion, durationMs: number): Word[] {
  const out: Word[] = [];
  for (const { text, startMs, endMs, confidence } of words) {
    const start_ms = region.startMs + startMs;
    const end_ms = Math.min(durationMs, region.startMs + endMs);
    if (end_ms <= start_ms) continue;
    out.push({ text: text.normalize("NFC"), start_ms, end_ms, ...(confidence === undefined ? {} : { confidence }) });
  }
  return out;
}

/** Mean over time, so that a wrong "of" of 60 ms weighs less than a wrong word of a second. 1 where none is known. */
function meanConfidence(words: readonly Word[]): number {
  let weighted = 0;
  let known = 0;
  for (const { confidence, start_ms, end_ms } of words) {
    if (confidence === undefined) continue;
    weighted += confidence * (end_ms - start_ms);
    known += end_ms - start_ms;
  }
  return known === 0 ? 1 : weighted / known;
}

/** Four times the same word and nothing else: what recognizers make of hums and beats. */
function isLoop(words: readonly Word[]): boolean {
  return words.length >= 4 && new Set(words.map(({ text }) => text)).size === 1;
}

/** Cuts at every pause, then what is still too long at its longest pause, the later of two equal ones. */
function splitPhrases(words: readonly Word[], options: PhraseOptions): Word[][] {
  const phrases: Word[][] = [];
  let phrase: Word[] = [];
  for (const word of words) {
    const before = phrase.at(-1);
    if (before && word.start_ms - before.end_ms >= options.pauseMs) {
      phrases.push(phrase);
      phrase = [];
    }
    phrase.push(word);
  }
  if (phrase.length > 0) phrases.push(phrase);
  return phrases.flatMap((words) => splitLong(words, options.maxPhraseMs));
}

function splitLong(words: Word[], maxMs: number): Word[][] {
  const first = words[0];
  const last = words.at(-1);
  if (!first || !last || words.length < 2 || last.end_ms - first.start_ms <= maxMs) return [words];
  let cut = 1;
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < words.length; i++) {
    const [before, after] = [words[i - 1] as Word, words[i] as Word];
    // A pause near the middle is worth more than the same pause at an edge: up to 200 ms.
    const place = (after.start_ms - first.start_ms) / (last.end_ms - first.start_ms);
    const worth = after.start_ms - before.end_ms + 200 * (1 - Math.abs(2 * place - 1));
    if (worth >= best) [best, cut] = [worth, i];
  }
  return [...splitLong(words.slice(0, cut), maxMs), ...splitLong(words.slice(cut), maxMs)];
}

/** Written without blanks between words. */
const UNSPACED = new Set(["zh", "ja", "th", "lo", "my", "yue"]);

function toItem(words: Word[], asset: string, language: string | undefined): Item {
  const start_ms = words[0]?.start_ms ?? 0;
  const end_ms = words.at(-1)?.end_ms ?? start_ms;
  const confidence = words.some((word) => word.confidence !== undefined)
    ? { confidence: Number(meanConfidence(words).toFixed(3)) }
    : {};
  const between = UNSPACED.has(language?.split("-")[0] ?? "") ? "" : " ";
  const text = words.map((word) => word.text).join(between);
  return { id: itemId("phrase", asset, "transcript", start_ms), start_ms, end_ms, ...confidence, text, words };
}
