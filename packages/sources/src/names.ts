// What tells of sources by their names alone: for programs that read none.
export { isMediaName, MEDIA_EXTENSIONS } from "./media-name.ts";
export { parseSource, type SourcePlace, sourceName, uploadUri } from "./source-uri.ts";
