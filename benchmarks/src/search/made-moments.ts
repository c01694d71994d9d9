import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { locateModel } from "@heimdex/models";
import type { AssetRows, MomentRow } from "@heimdex/ports";
import { WORD_MODEL, WordAverage, WordEmbedder, WordVectors } from "@heimdex/stage-embed";

/** Makes texts of real words, drawn by Zipf's law from those of the bundled embedding model, the same each time. */
export class MadeMoments {
  readonly #words: readonly string[];
  readonly #average: WordAverage;
  readonly #space: string;
  #seed = 1;

  private constructor(words: readonly string[], average: WordAverage, space: string) {
    this.#words = words;
    this.#average = average;
    this.#space = space;
  }

  /** Rejects when the model is not there. */
  static async load(): Promise<MadeMoments> {
    const located = await locateModel(WORD_MODEL);
    if (!located.available) throw new Error(located.help);
    const all = (await readFile(located.files["words.txt"] ?? "", "utf8")).split("\n");
    const words = all.filter((word) => /^[a-z]{3,12}$/.test(word)).slice(0, 30_000);
    return new MadeMoments(
      words,
      new WordAverage(await WordVectors.load(located.files)),
      new WordEmbedder(located).space.id,
    );
  }

  /** Moments of made films, 100 to a film: a sentence or two of speech each, a line of text in every fourth. */
  films(moments: number): AssetRows[] {
    const films: AssetRows[] = [];
    for (let from = 0; from < moments; from += 100) {
      const asset = `a_${createHash("sha256").update(`film ${from}`).digest("hex").slice(0, 16)}`;
      const rows = Array.from({ length: Math.min(100, moments - from) }, (_, n) => this.#row(asset, n));
      films.push({ tenant: "default", asset, revision: 1, rows });
    }
    return films;
  }

  /** A question of so many words; words that occur often are asked for often. */
  query(words: number): string {
    return this.#text(words);
  }

  #row(asset: string, n: number): MomentRow {
    const spoken = this.#text(25);
    const { vector } = this.#average.embed(spoken);
    return {
      ...{ id: `m_${asset}_${n}`, tenant: "default", asset, revision: 1 },
      ...{ start_ms: n * 20_000, end_ms: (n + 1) * 20_000 },
      ...{ spoken, written: n % 4 === 0 ? this.#text(4) : "", described: "", names: "", custom: "" },
      ...{
        facets: new Map(),
        numbers: new Map(),
        labels: [],
        languages: ["en"],
        title: `${asset}.mp4`,
        source: `file:///films/${asset}.mp4`,
      },
      recorded_ms: undefined,
      instants: "",
      vectors: vector === undefined ? new Map() : new Map([[this.#space, [vector]]]),
    };
  }

  #text(count: number): string {
    return Array.from({ length: count }, () => this.#word()).join(" ");
  }

  /** Rank r with a probability proportional to 1 / r. */
  #word(): string {
    const rank = Math.floor(this.#words.length ** this.#random());
    return this.#words[rank - 1] ?? (this.#words[0] as string);
  }

  /** 0..1. A linear congruential generator (Numerical Recipes' constants): repeatable, and good enough to draw words with. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }
}
