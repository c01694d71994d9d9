import type { Media, StageLayer } from "@heimdex/sidecar";
import { parseAss } from "./ass.ts";
import type { ParsedCues } from "./cue.ts";
import { decodeText } from "./decode-text.ts";
import { embeddedTracks } from "./embedded.ts";
import { neighbourTrack } from "./neighbours.ts";
import { parseSrt } from "./srt.ts";
import { placeCues } from "./timeline.ts";
import { rankTracks, type SubtitleFormat, type SubtitleTrack } from "./track.ts";
import { parseWebVtt } from "./webvtt.ts";

/** Larger subtitle files are left alone: no cue of real ones lies past it. */
export const MAX_SUBTITLE_BYTES = 16 * 1024 * 1024;

const PARSERS: Readonly<Record<SubtitleFormat, (text: string) => ParsedCues>> = {
  srt: parseSrt,
  webvtt: parseWebVtt,
  ass: parseAss,
};

/** A file beside the media. */
export interface Neighbour {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  read(): Promise<Uint8Array>;
}

export interface SubtitlesRequest {
  readonly media: Media;
  /** Id of the asset, for item ids. */
  readonly asset: string;
  /** File name of the media, which tells which neighbours are its subtitles. */
  readonly mediaName: string;
  readonly neighbours: readonly Neighbour[];
  /** Languages to prefer, the dearest first. */
  readonly languages: readonly string[];
  /** Takes a track out of the container: the bytes of a subtitle file, or undefined when it passes `MAX_SUBTITLE_BYTES`. */
  extract(track: SubtitleTrack): Promise<Uint8Array | undefined>;
  /** For the log: what was used, left out or wrong. */
  note(message: string, fields: Record<string, unknown>): void;
}

/** Reads the best subtitle track there is: one becomes the layer, the others are named in the log. A track without a usable
 * cue gives way to the next. None at all: a layer without items. */
export async function readSubtitles(request: SubtitlesRequest): Promise<StageLayer<"transcript">> {
  const { media, note } = request;
  const embedded = embeddedTracks(media);
  if (embedded.left.length > 0) note("subtitles that are pictures are left alone", { tracks: embedded.left });
  const beside = request.neighbours.flatMap((neighbour) => {
    const track = neighbourTrack(request.mediaName, neighbour.name);
    return track ? [{ ...track, neighbour }] : [];
  });
  const tracks: (SubtitleTrack & { neighbour?: Neighbour })[] = [...beside, ...embedded.tracks];
  const ranked = rankTracks(tracks, request.languages);
  for (const [index, track] of ranked.entries()) {
    const parsed = await parseTrack(track, request);
    if (parsed === undefined) continue;
    if (parsed.notes.length > 0)
      note("parts of a subtitle track are left out", { track: track.name, notes: parsed.notes });
    const offset = track.origin === "embedded" ? media.start_offset_ms : 0;
    const { items, outside } = placeCues(parsed.cues, request.asset, offset, media.duration_ms);
    if (outside > 0) note("cues outside the asset's timeline are left out", { track: track.name, cues: outside });
    if (items.length === 0) continue;
    const unused = ranked.slice(index + 1).map(describe);
    note("subtitles read", { track: describe(track), cues: items.length, unused });
    const language = track.language === undefined ? {} : { language: track.language };
    return { kind: "transcript", version: 1, ...language, items };
  }
  return { kind: "transcript", version: 1, items: [] };
}

/** @returns undefined when the track is too large, which is noted */
async function parseTrack(
  track: SubtitleTrack & { neighbour?: Neighbour },
  request: SubtitlesRequest,
): Promise<ParsedCues | undefined> {
  const bytes = await readTrack(track, request);
  if (bytes === undefined) {
    request.note("a subtitle track is too large", { track: track.name, limit_bytes: MAX_SUBTITLE_BYTES });
    return undefined;
  }
  const { text, encoding } = decodeText(bytes);
  if (encoding !== "utf-8") request.note("subtitles are not in UTF-8", { track: track.name, read_as: encoding });
  return PARSERS[track.format](text);
}

async function readTrack(track: SubtitleTrack & { neighbour?: Neighbour }, request: SubtitlesRequest) {
  if (track.neighbour === undefined) return request.extract(track);
  return track.neighbour.size > MAX_SUBTITLE_BYTES ? undefined : track.neighbour.read();
}

function describe({ name, format, language }: SubtitleTrack): string {
  return `${name} (${language ?? "language unknown"}, ${format})`;
}
