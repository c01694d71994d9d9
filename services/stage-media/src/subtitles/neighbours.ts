import { extname } from "node:path";
import { languageTag } from "./language-tag.ts";
import type { SubtitleFormat, SubtitleTrack } from "./track.ts";

const FORMATS: Readonly<Record<string, SubtitleFormat>> = {
  ".srt": "srt",
  ".vtt": "webvtt",
  ".ass": "ass",
  ".ssa": "ass",
};
/** Marks players know in names such as `film.en.forced.srt`. */
const MARKS = new Set(["forced", "foreign", "sdh", "cc", "hi", "default", "full", "commentary"]);

/** What a neighbouring file's name says of it: `film.srt`, `film.en.vtt`, `film.de.forced.ass` and `film.mp4.srt` are subtitles of
 * `film.mp4`. Undefined when it is no subtitle file of that film: a name with any other part (`film.part2.srt`) belongs to
 * another one. Pure. */
export function neighbourTrack(mediaName: string, name: string): SubtitleTrack | undefined {
  const extension = extname(name);
  const format = FORMATS[extension.toLowerCase()];
  if (format === undefined) return undefined;
  const own = name.slice(0, -extension.length).normalize("NFC");
  // The whole name first: `film.mp4` must not be read as a film's part called `mp4`.
  const stems = [mediaName, mediaName.slice(0, mediaName.length - extname(mediaName).length)].map((s) =>
    s.normalize("NFC"),
  );
  const stem = stems.find((s) => own === s || own.startsWith(`${s}.`));
  if (stem === undefined || stem === "") return undefined;
  let language: string | undefined;
  const marks = new Set<string>();
  for (const part of own.slice(stem.length).split(".").filter(Boolean)) {
    const lower = part.toLowerCase();
    // `hi` is Hindi, unless a language came before it: then it means "hearing impaired".
    const tag = language === undefined ? languageTag(lower) : undefined;
    if (tag !== undefined) language = tag;
    else if (MARKS.has(lower)) marks.add(lower);
    else return undefined;
  }
  return {
    origin: "neighbour",
    name,
    format,
    language,
    isDefault: own === stem || marks.has("default"),
    forced: marks.has("forced") || marks.has("foreign"),
    commentary: marks.has("commentary"),
  };
}
