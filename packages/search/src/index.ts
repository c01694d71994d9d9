export { ANALYZER_ID, analyze, type Token, tokensOf } from "./analyze.ts";
export {
  type CustomField,
  type CustomValues,
  customFields,
  customReader,
  fieldKey,
  fieldName,
  fieldOfKey,
} from "./custom-fields.ts";
export { type ExplainedRow, type Explanation, explain, type NearestVector, type Why } from "./explain.ts";
export { coverageOf, type Evidence, FLOOR, type FloorOptions, floorOf, idfOf, strength } from "./floor.ts";
export { type Channel, capPerAsset, type Fused, fuse, type Placing } from "./fuse.ts";
export { type Instants, type RowInstants, readInstants, writeInstants } from "./instants.ts";
export type { Moment, MomentItem, MomentLayer, MomentSource } from "./moment.ts";
export { MAX_MOMENT_MS } from "./moment-cuts.ts";
export { type MomentOptions, momentsOf } from "./moments.ts";
export { pictureFloorOf } from "./picture-floor.ts";
export { MAX_QUERY_LENGTH, MAX_QUERY_TERMS, parseQuery, type Query } from "./query.ts";
export { DEFAULT_WEIGHTS, type Ranked, type RankedRow, type RankInput, rankMoments } from "./rank.ts";
export { type Snippet, snippetOf } from "./snippet.ts";
export { type SpannedVector, vectorFor } from "./vector-match.ts";
