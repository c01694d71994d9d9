export { isMediaName, MEDIA_EXTENSIONS, type Neighbour } from "./media-name.ts";
export { areTelling, type SourceFacts, sameFacts } from "./source-facts.ts";
export type { ListedSource, SourcePage } from "./source-page.ts";
export { parseSource, type SourcePlace, sourceName, uploadUri } from "./source-uri.ts";
export { Sources, type SourcesOptions } from "./sources.ts";
export { type S3SourceSettings, type SourcesConfig, sourcesConfig } from "./sources-config.ts";
