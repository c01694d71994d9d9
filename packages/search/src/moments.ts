import { itemId } from "@heimdex/sidecar";
import type { Moment, MomentItem, MomentLayer, MomentSource } from "./moment.ts";
import { momentCuts } from "./moment-cuts.ts";
import { foldSpaces, middleOf, phrasesOf } from "./spoken-words.ts";

/** An item belongs to a moment that holds this much of it, or half of it when it is shorter than twice that: what merely
 * touches the neighbouring scene is not found there. */
const BELONGS_MS = 500;

export interface MomentOptions {
  /** The searched text of a custom layer's item, "" for none. Default: its field `text`. */
  readonly customText?: (layer: MomentLayer, item: MomentItem) => string;
}

/** Moments of an asset in order of time.
 * Invariants: they tile `[0, duration)` without gap or overlap; none is longer than 30 s; every spoken word is in exactly one, the
 * one its middle falls into (before 0 and after the end: the first and the last). What is seen or written belongs to every moment
 * that shows it. Layers of one kind add up, whoever made them; `phrasesOf` says which words subtitles replace.
 * The same layers give the same moments, at every caller. An asset without length (a still) is one moment of 1 ms. */
export function momentsOf(source: MomentSource, options: MomentOptions = {}): Moment[] {
  const { layers } = source;
  const customText = options.customText ?? ((_: MomentLayer, item: MomentItem) => foldSpaces(item.text));
  const phrases = phrasesOf(layers);
  const words = phrases
    .flatMap((phrase) => phrase.words)
    .sort((a, b) => a.start_ms - b.start_ms || a.end_ms - b.end_ms);
  const cuts = momentCuts(durationOf(source), layers, words);
  const drafts = cuts.slice(1).map((end, i) => draft(cuts[i] ?? 0, end));
  const indexAt = (at: number) => lastAtOrBefore(cuts, Math.max(0, Math.min(at, (cuts.at(-1) ?? 1) - 1)));

  for (const phrase of phrases) {
    const parts = Map.groupBy(phrase.words, (word) => indexAt(middleOf(word)));
    for (const [index, part] of parts) {
      const target = drafts[index];
      target?.spoken.push(parts.size === 1 ? phrase.text : part.map((word) => foldSpaces(word.text)).join(" "));
      if (phrase.language !== undefined) target?.languages.add(phrase.language);
    }
  }
  for (const layer of layers) {
    for (const item of layer.items) {
      for (const target of holders(item, drafts, indexAt)) {
        if (layer.kind === "text") {
          add(target.written, foldSpaces(item.text));
          const language = typeof item.language === "string" ? item.language : layer.language;
          if (language !== undefined) target.languages.add(language);
        } else if (layer.kind === "captions") {
          add(target.described, foldSpaces(item.text));
          if (layer.language !== undefined) target.languages.add(layer.language);
        } else if (layer.kind === "objects") see(target, item);
        else if (layer.kind === "faces") add(target.people, foldSpaces(item.person));
        else if (layer.kind.includes(".")) add(target.custom, customText(layer, item));
      }
    }
  }
  return drafts.map((made) => ({
    id: itemId("moment", source.asset, "moments", made.start_ms),
    start_ms: made.start_ms,
    end_ms: made.end_ms,
    spoken: made.spoken.join("\n"),
    written: [...made.written].join("\n"),
    described: [...made.described].join("\n"),
    custom: [...made.custom].join("\n"),
    labels: labelsOf(made),
    people: [...made.people].sort(),
    languages: [...made.languages].sort(),
  }));
}

interface Draft {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly spoken: string[];
  readonly written: Set<string>;
  readonly described: Set<string>;
  readonly custom: Set<string>;
  /** By label, how long and how surely it is seen: ms times confidence. */
  readonly labels: Map<string, number>;
  readonly people: Set<string>;
  readonly languages: Set<string>;
}
const draft = (start_ms: number, end_ms: number): Draft => ({
  start_ms,
  end_ms,
  spoken: [],
  written: new Set(),
  described: new Set(),
  custom: new Set(),
  labels: new Map(),
  people: new Set(),
  languages: new Set(),
});

function add(to: Set<string>, text: string): void {
  if (text !== "") to.add(text);
}

/** A label stands in a moment at most so often. */
const MOST_REPEATS = 4;

function see(target: Draft, item: MomentItem): void {
  const label = foldSpaces(item.label);
  if (label === "") return;
  const confidence = typeof item.confidence === "number" ? item.confidence : 1;
  target.labels.set(label, (target.labels.get(label) ?? 0) + confidence * Math.max(0, sharedMs(item, target)));
}

function labelsOf({ labels, start_ms, end_ms }: Draft): string[] {
  return [...labels]
    .sort(([a, seen], [b, other]) => other - seen || (a < b ? -1 : 1))
    .flatMap(([label, seen]) => {
      const share = Math.min(1, seen / (end_ms - start_ms));
      return Array<string>(Math.max(1, Math.round(MOST_REPEATS * share))).fill(label);
    });
}

const sharedMs = (item: MomentItem, target: Draft): number =>
  Math.min(item.end_ms, target.end_ms) - Math.max(item.start_ms, target.start_ms);

/** Moments an item belongs to: at least one, the one that holds most of it. */
function holders(item: MomentItem, drafts: readonly Draft[], indexAt: (at: number) => number): Draft[] {
  const first = indexAt(item.start_ms);
  const last = indexAt(Math.max(item.start_ms, item.end_ms - 1));
  if (first === last) return drafts.slice(first, first + 1);
  const touched = drafts.slice(first, last + 1);
  const enough = Math.min(BELONGS_MS, (item.end_ms - item.start_ms) / 2);
  const most = Math.max(...touched.map((target) => sharedMs(item, target)));
  return touched.filter((target) => sharedMs(item, target) >= enough || sharedMs(item, target) === most);
}

function durationOf({ media, layers }: MomentSource): number {
  if (media !== undefined && media.duration_ms > 0) return media.duration_ms;
  let end = 1;
  for (const layer of layers) for (const item of layer.items) end = Math.max(end, item.end_ms);
  return end;
}

function lastAtOrBefore(sorted: readonly number[], at: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low;
}
