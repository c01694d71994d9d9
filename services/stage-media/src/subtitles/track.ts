import { languageMatch } from "./language-tag.ts";

/** Formats whose text can be read. */
export type SubtitleFormat = "srt" | "webvtt" | "ass";

/** A subtitle track that could be read: a stream of the container or a file beside it. */
export interface SubtitleTrack {
  readonly origin: "neighbour" | "embedded";
  /** For people: the file's name, or `stream 3`. */
  readonly name: string;
  readonly format: SubtitleFormat;
  /** BCP-47. */
  readonly language: string | undefined;
  /** Players choose it first; a file with the film's very name counts as such. */
  readonly isDefault: boolean;
  /** Holds only what is in a foreign tongue. */
  readonly forced: boolean;
  /** Somebody talks about the film. */
  readonly commentary: boolean;
  /** Stream index of an embedded track. */
  readonly stream?: number;
}

/** Orders tracks from the one to use to the one to use last. One track becomes the layer, else search would find every
 * sentence once for each language. First what `languages` prefers, in its order; then the dialogue before forced parts and
 * commentary; then default tracks; then files before streams (somebody put them there); then the order given. */
export function rankTracks<T extends SubtitleTrack>(tracks: readonly T[], languages: readonly string[]): T[] {
  const key = (track: T) => [
    languageRank(track.language, languages),
    track.commentary ? 1 : 0,
    track.forced ? 1 : 0,
    track.isDefault ? 0 : 1,
    track.origin === "neighbour" ? 0 : 1,
  ];
  return tracks
    .map((track) => ({ track, key: key(track) }))
    .sort((a, b) => {
      const differs = a.key.findIndex((value, index) => value !== b.key[index]);
      return differs < 0 ? 0 : (a.key[differs] ?? 0) - (b.key[differs] ?? 0); // sort is stable
    })
    .map(({ track }) => track);
}

/** Twice the place in the list, plus one where only the language fits (`en` for `en-GB`). */
function languageRank(language: string | undefined, languages: readonly string[]): number {
  for (const [index, preferred] of languages.entries()) {
    const match = languageMatch(language, preferred);
    if (match > 0) return 2 * index + (match === 2 ? 0 : 1);
  }
  return 2 * languages.length;
}
