export { LanceMomentIndex } from "./lance-moment-index.ts";
export type { LanceOptions } from "./options.ts";
export { type Analyze, analyzeWords } from "./tokens.ts";
