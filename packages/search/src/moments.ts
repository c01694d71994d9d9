import { itemId } from "@heimdex/sidecar";
import { type CustomValues, customReader } from "./custom-fields.ts";
import type { Moment, MomentItem, MomentLayer, MomentSource } from "./moment.ts";
import { momentCuts } from "./moment-cuts.ts";
import { byTimeSeen, repeatsOf, type SeenLabel, seenAgain } from "./moment-labels.ts";
import { foldSpaces, middleOf, phrasesOf, wordTimes } from "./spoken-words.ts";

/** An item belongs to a moment that holds this much of it, or half of it when it is shorter than twice that: what merely
 * touches the neighbouring scene is not found there. */
const BELONGS_MS = 500;

export interface MomentOptions {
  /** What of a custom layer's item is searched and filtered by. Default: its field `text` is searched. */
  readonly custom?: (layer: MomentLayer, item: MomentItem) => CustomValues;
}

/** Moments of an asset in order of time.
 * Invariants: they tile `[0, duration)` without gap or overlap; none is longer than 30 s; every spoken word is in exactly one, the
 * one its middle falls into (before 0 and after the end: the first and the last). What is seen or written belongs to every moment
 * that shows it. Layers of one kind add up, whoever made them; `phrasesOf` says which words subtitles replace.
 * The same layers give the same moments, at every caller. An asset without length (a still) is one moment of 1 ms. */
export function momentsOf(source: MomentSource, options: MomentOptions = {}): Moment[] {
  const { layers } = source;
  const custom = options.custom ?? customReader([], new Set());
  const phrases = phrasesOf(layers);
  const words = phrases
    .flatMap((phrase) => phrase.words)
    .sort((a, b) => a.start_ms - b.start_ms || a.end_ms - b.end_ms);
  const cuts = momentCuts(durationOf(source), layers, words);
  const drafts = cuts.slice(1).map((end, i) => draft(cuts[i] ?? 0, end));
  const indexAt = (at: number) => lastAtOrBefore(cuts, Math.max(0, Math.min(at, (cuts.at(-1) ?? 1) - 1)));

  for (const at of stillTimes(layers)) drafts[indexAt(at)]?.stills.push(at);
  for (const phrase of phrases) {
    const parts = Map.groupBy(phrase.words, (word) => indexAt(middleOf(word)));
    for (const [index, part] of parts) {
      const target = drafts[index];
      if (target === undefined) continue;
      const text = parts.size === 1 ? phrase.text : part.map((word) => foldSpaces(word.text)).join(" ");
      target.spoken.push({ text, times: wordTimes(text, part).map((at) => within(target, at)) });
      if (phrase.language !== undefined) target.languages.add(phrase.language);
    }
  }
  for (const layer of layers) {
    for (const item of layer.items) {
      for (const target of holders(item, drafts, indexAt)) {
        if (layer.kind === "text") {
          add(target.written, item.text, seenAt(item, target));
          const language = typeof item.language === "string" ? item.language : layer.language;
          if (language !== undefined) target.languages.add(language);
        } else if (layer.kind === "captions") {
          add(target.described, item.text, seenAt(item, target));
          if (layer.language !== undefined) target.languages.add(layer.language);
        } else if (layer.kind === "objects") see(target, item);
        else if (layer.kind === "faces") add(target.people, item.person, seenAt(item, target));
        else if (layer.kind.includes(".")) {
          const { texts, facets, numbers } = custom(layer, item);
          const at = within(target, item.start_ms);
          for (const text of texts) add(target.custom, text, at);
          for (const [field, value] of facets) addValue(target.facets, field, value, at);
          for (const [field, value] of numbers) addValue(target.numbers, field, value, at);
        }
      }
    }
  }
  return drafts.map((made) => momentOf(source.asset, made));
}

interface Draft {
  readonly start_ms: number;
  readonly end_ms: number;
  /** Instants of its keyframes, rising. */
  readonly stills: number[];
  readonly spoken: { readonly text: string; readonly times: readonly number[] }[];
  /** Texts that stand once, with the first time of each. */
  readonly written: Map<string, number>;
  readonly described: Map<string, number>;
  readonly custom: Map<string, number>;
  /** By field, the first time of each value. */
  readonly facets: Map<string, Map<string, number>>;
  readonly numbers: Map<string, Map<number, number>>;
  readonly people: Map<string, number>;
  readonly labels: Map<string, SeenLabel>;
  readonly languages: Set<string>;
}
const draft = (start_ms: number, end_ms: number): Draft => ({
  ...{ start_ms, end_ms, stills: [], spoken: [] },
  ...{ written: new Map(), described: new Map(), custom: new Map(), people: new Map() },
  ...{ facets: new Map(), numbers: new Map(), labels: new Map(), languages: new Set() },
});

function momentOf(asset: string, made: Draft): Moment {
  const { start_ms, end_ms, spoken, written, described, custom } = made;
  const people = [...made.people].sort(([a], [b]) => (a < b ? -1 : 1));
  const labels = byTimeSeen(made.labels);
  const lines = (texts: ReadonlyMap<string, number>) => [...texts.keys()].join("\n");
  const times = (texts: Iterable<readonly [string, number]>) => Array.from(texts, ([, at]) => [at]);
  return {
    id: itemId("moment", asset, "moments", start_ms),
    start_ms,
    end_ms,
    spoken: spoken.map(({ text }) => text).join("\n"),
    written: lines(written),
    described: lines(described),
    custom: lines(custom),
    facets: valuesOf(made.facets),
    numbers: valuesOf(made.numbers),
    labels: labels.flatMap(([label, seen]) => Array<string>(repeatsOf(seen, end_ms - start_ms)).fill(label)),
    people: people.map(([name]) => name),
    languages: [...made.languages].sort(),
    instants: {
      ...{ spoken: spoken.map((line) => line.times), written: times(written), names: times(people) },
      ...{ described: times(described), custom: times(custom), labels: labels.map(([, { atMs }]) => [atMs]) },
    },
    fieldInstants: Object.fromEntries(
      [...made.facets, ...made.numbers].map(([field, values]) => [field, [...values.values()]]),
    ),
  };
}

function add(to: Map<string, number>, given: unknown, at: number): void {
  const text = foldSpaces(given);
  if (text !== "") to.set(text, Math.min(at, to.get(text) ?? at));
}

function addValue<V>(to: Map<string, Map<V, number>>, field: string, value: V, at: number): void {
  const values = to.get(field) ?? new Map<V, number>();
  to.set(field, values.set(value, Math.min(at, values.get(value) ?? at)));
}

function valuesOf<V>(fields: ReadonlyMap<string, ReadonlyMap<V, number>>): Map<string, V[]> {
  return new Map([...fields].map(([field, values]) => [field, [...values.keys()]]));
}

function see(target: Draft, item: MomentItem): void {
  const label = foldSpaces(item.label);
  if (label === "") return;
  const confidence = typeof item.confidence === "number" ? item.confidence : 1;
  const seenMs = confidence * Math.max(0, sharedMs(item, target));
  const now = { seenMs, confidence, atMs: seenAt(item, target) };
  target.labels.set(label, seenAgain(target.labels.get(label), now));
}

/** When an item that was found on keyframes can be seen in a moment: the instant it states, else that of the first keyframe in its time, as it was seen on
 * each of those, else where its time begins. */
function seenAt(item: MomentItem, target: Draft): number {
  const from = Math.max(item.start_ms, target.start_ms);
  const to = Math.min(item.end_ms, target.end_ms);
  const instants = typeof item.at_ms === "number" ? [item.at_ms, ...target.stills] : target.stills;
  return instants.find((at) => from <= at && at < to) ?? within(target, from);
}

const within = ({ start_ms, end_ms }: Draft, at: number): number => Math.max(start_ms, Math.min(at, end_ms - 1));

function stillTimes(layers: readonly MomentLayer[]): number[] {
  return layers
    .filter((layer) => layer.kind === "keyframes")
    .flatMap((layer) => layer.items.map(({ at_ms, start_ms }) => (typeof at_ms === "number" ? at_ms : start_ms)))
    .sort((a, b) => a - b);
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
