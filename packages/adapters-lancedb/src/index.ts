export { LanceMomentIndex } from "./lance-moment-index.ts";
export type { LanceOptions } from "./options.ts";
export { type S3Store, s3StorageOptions } from "./s3-storage-options.ts";
export { type Analyze, analyzeWords } from "./tokens.ts";
