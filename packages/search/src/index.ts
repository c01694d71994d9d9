export { ANALYZER_ID, analyze, type Token, tokensOf } from "./analyze.ts";
export type { Moment, MomentItem, MomentLayer, MomentSource } from "./moment.ts";
export { MAX_MOMENT_MS } from "./moment-cuts.ts";
export { type MomentOptions, momentsOf } from "./moments.ts";
export { MAX_QUERY_LENGTH, MAX_QUERY_TERMS, parseQuery, type Query } from "./query.ts";
export { type Snippet, snippetOf } from "./snippet.ts";
