import type { Media } from "@heimdex/sidecar";
import { languageTag } from "./language-tag.ts";
import type { SubtitleFormat, SubtitleTrack } from "./track.ts";

/** Text codecs as ffmpeg names them, and the form in which each is taken out with the least lost. */
const TEXT_CODECS: Readonly<Record<string, SubtitleFormat>> = {
  subrip: "srt",
  srt: "srt",
  text: "srt",
  mov_text: "srt",
  webvtt: "webvtt",
  ass: "ass",
  ssa: "ass",
};

export interface EmbeddedTracks {
  readonly tracks: readonly SubtitleTrack[];
  /** What is there but cannot be read as text (pictures: PGS, DVD, DVB), for the log. */
  readonly left: readonly string[];
}

/** The container's text subtitle streams. Pure. */
export function embeddedTracks(media: Media): EmbeddedTracks {
  const tracks: SubtitleTrack[] = [];
  const left: string[] = [];
  for (const stream of media.streams) {
    if (stream.type !== "subtitle") continue;
    const format = TEXT_CODECS[stream.codec];
    const title = stream.title ?? "";
    if (format === undefined) {
      left.push(`stream ${stream.index} (${stream.codec})`);
      continue;
    }
    tracks.push({
      origin: "embedded",
      name: `stream ${stream.index}`,
      format,
      language: languageTag(stream.language),
      isDefault: stream.default === true,
      forced: /\bforced\b/i.test(title),
      commentary: /\bcomment/i.test(title),
      stream: stream.index,
    });
  }
  return { tracks, left };
}
