import type { Media, Stream } from "@heimdex/sidecar";
import { inspectIso } from "./boxes.ts";
import { type ByteSource, openByteSource } from "./byte-source.ts";
import type { Limits } from "./limits.ts";
import { inputOptions, inputTarget } from "./location.ts";
import { mainVideo } from "./main-stream.ts";
import { MediaError } from "./media-error.ts";
import { type PacketTimes, packetTimes, spacingOf } from "./packets.ts";
import { lowerKeys, type ProbedStream, seconds, toStream } from "./probe-stream.ts";
import { runFfprobe } from "./run-ffmpeg.ts";
import { SNIFF_BYTES, sniff } from "./sniff.ts";
import { timecodeOf } from "./timecode.ts";
import { cutOffReason } from "./truncation.ts";

export interface ProbeOptions {
  readonly signal?: AbortSignal | undefined;
  /** For each run of ffprobe. Default 60 s, 2 GiB, 32 MiB of output. */
  readonly limits?: Partial<Limits>;
  /** Told the CPU time of each run of ffprobe, in ms. */
  readonly onCpu?: (ms: number) => void;
}

interface Probed {
  readonly streams?: readonly ProbedStream[];
  readonly chapters?: readonly { start_time?: string; end_time?: string; tags?: Record<string, string> }[];
  readonly format?: { format_name?: string; start_time?: string; duration?: string; tags?: Record<string, string> };
}

/** Reads what a media file holds, without decoding it.
 * @param location a path, or an http(s) URL with byte ranges
 * @throws MediaError with the reason why it is no media that can be used, or HeimdexError NO_FFMPEG */
export async function probe(location: string, options: ProbeOptions = {}): Promise<Media> {
  await using source = await openByteSource(location, options.signal);
  const structure = await inspect(source);
  const probed = await ask(location, options);
  const format = probed.format ?? {};
  const startOffsetMs = Math.round((seconds(format.start_time) ?? 0) * 1000);
  const streams = (probed.streams ?? []).map((stream) => toStream(withLength(stream)));
  if (!streams.some((stream) => stream.type === "video" || stream.type === "audio"))
    throw new MediaError("NO_STREAMS", "the file holds neither picture nor sound", {
      help: "Name a video or sound file.",
    });

  const video = mainVideo({ streams } as Media);
  const statedMs = Math.round((seconds(format.duration) ?? 0) * 1000) - (endsAtDuration(probed) ? startOffsetMs : 0);
  // What a cut-off file states is what it once was; what it still has, only its packets tell. The same where nothing is stated.
  const times: PacketTimes | undefined =
    structure.truncated !== undefined || statedMs <= 0 ? await packetTimes(location, undefined, options) : undefined;
  const durationMs = times === undefined ? statedMs : Math.max(0, Math.round(times.endMs - startOffsetMs));
  const vfr = video === undefined ? undefined : await spacingOf(location, video, durationMs, options);
  const chapters = toChapters(probed, startOffsetMs);
  const tags = textTags(format.tags);
  const timecode = timecodeOf(probed.streams ?? [], format.tags);
  const created = recordedAt(lowerKeys(format.tags));
  return {
    container: format.format_name ?? "unknown",
    size: structure.size,
    duration_ms: durationMs,
    streams: streams.map((stream): Stream => (stream === video && vfr !== undefined ? { ...stream, vfr } : stream)),
    start_offset_ms: startOffsetMs,
    ...(timecode === undefined ? {} : { timecode }),
    vfr: vfr ?? false,
    rotation: video?.rotation ?? 0,
    ...(created === undefined ? {} : { created_at: created }),
    ...(chapters.length === 0 ? {} : { chapters }),
    ...(structure.truncated === undefined ? {} : { truncated: { reason: structure.truncated } }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  };
}

/** ffmpeg's Matroska muxer writes the end on the container's clock where the length is meant; mkvmerge, which says so in its
 * statistics tags, writes lengths. */
function endsAtDuration({ format, streams }: Probed): boolean {
  const isMatroska = format?.format_name?.startsWith("matroska") ?? false;
  return isMatroska && !(streams ?? []).some(({ tags }) => lowerKeys(tags)._statistics_writing_app !== undefined);
}

/** Matroska's streams carry their length as a tag, with the same two meanings. */
function withLength(stream: ProbedStream): ProbedStream {
  const tags = lowerKeys(stream.tags);
  const stated = seconds(tags.duration);
  if (stream.duration !== undefined || stated === undefined) return stream;
  const start = tags._statistics_writing_app === undefined ? (seconds(stream.start_time) ?? 0) : 0;
  return { ...stream, duration: String(Math.max(0, stated - start)) };
}

/** What the bytes themselves say, before any tool sees the file. */
async function inspect(source: ByteSource): Promise<{ size: number; truncated: string | undefined }> {
  const head = await source.read(0, SNIFF_BYTES);
  const size = source.size ?? 0;
  if (head.length === 0 || size === 0)
    throw new MediaError("EMPTY_FILE", "the file is empty", { help: "Copy it again from where it came from." });
  const sniffed = sniff(head);
  if (sniffed.kind === "reference") throw refused(sniffed.what);
  if (sniffed.kind === "image")
    throw new MediaError("STILL_IMAGE", `the file is a still image (${sniffed.what})`, {
      help: "Name a video or sound file.",
    });
  if (sniffed.kind === "subtitles")
    throw new MediaError("NOT_MEDIA", `the file holds subtitles (${sniffed.what}), neither picture nor sound`, {
      help: "Put it beside its video under the same name: it is read with it.",
    });
  if (sniffed.kind === "text")
    throw new MediaError("NOT_MEDIA", "the file is text, whatever its name says", {
      help: "Name a video or sound file.",
    });
  if (sniffed.kind !== "iso") return { size, truncated: await cutOffReason(source, size, sniffed) };
  const iso = await inspectIso(source, size);
  if (iso.reference !== undefined) throw refused(iso.reference);
  if (!iso.hasIndex)
    throw new MediaError("INDEX_MISSING", "the file's index (moov) is missing: it was cut off, or never finished", {
      help: "Copy it again from where it came from, or repair it with a tool that rebuilds the index.",
    });
  return { size, truncated: iso.cutOff ? "the file ends inside a box: its end is missing" : undefined };
}

function refused(what: string): MediaError {
  return new MediaError("REFERENCES_REFUSED", `the file points at other files or addresses: ${what}`, {
    help: "Name the media files it points at instead.",
  });
}

async function ask(location: string, options: ProbeOptions): Promise<Probed> {
  const { signal, limits, onCpu } = options;
  let answer: Awaited<ReturnType<typeof runFfprobe>>;
  try {
    answer = await runFfprobe(
      [
        "-loglevel",
        "warning",
        ...inputOptions(location),
        "-of",
        "json",
        "-show_format",
        "-show_streams",
        "-show_chapters",
      ].concat("-i", inputTarget(location)),
      { signal, ...(limits === undefined ? {} : { limits }) },
    );
  } catch (error) {
    throw error instanceof MediaError ? asFileFault(error) : error;
  }
  onCpu?.(answer.cpuMs);
  // The walk over the boxes finds these first; this is for what a malformed index hides from it.
  if (answer.log.some((line) => line.includes("Skipped opening external track")))
    throw refused("a QuickTime data reference");
  return JSON.parse(answer.stdout) as Probed;
}

/** ffprobe ended badly: says which of its messages mean that the file is at fault. */
export function asFileFault(error: MediaError): MediaError {
  if (error.reason !== "TOOL_FAILED") return error;
  const tail = error.logTail ?? "";
  const run = { logTail: tail, cpuMs: error.cpuMs, cause: error };
  if (/not on whitelist/i.test(tail))
    return new MediaError(
      "UNSUPPORTED_FORMAT",
      "the file is of a format that is not opened (a list, a script, a device, or something rare)",
      {
        help: "Convert it to mp4 or mkv first.",
        ...run,
      },
    );
  if (/Invalid data found|End of file|could not find codec parameters|Invalid argument/i.test(tail))
    return new MediaError("NOT_MEDIA", "no media was found in the file", {
      help: "Name a video or sound file.",
      ...run,
    });
  if (/Server returned|Connection refused|Network is unreachable|timed out|Permission denied|No such file/i.test(tail))
    return new MediaError("SOURCE_UNREADABLE", "the source cannot be read", { help: "Check the source.", ...run });
  return error;
}

function toChapters(probed: Probed, startOffsetMs: number): NonNullable<Media["chapters"]> {
  return (probed.chapters ?? []).flatMap((chapter) => {
    const [start, end] = [seconds(chapter.start_time), seconds(chapter.end_time)];
    if (start === undefined || end === undefined || end < start) return [];
    const startMs = Math.max(0, Math.round(start * 1000) - startOffsetMs);
    const title = lowerKeys(chapter.tags).title;
    return {
      start_ms: startMs,
      end_ms: Math.max(startMs, Math.round(end * 1000) - startOffsetMs),
      ...(title ? { title: title.normalize("NFC") } : {}),
    };
  });
}

/** Apple's tag carries the local offset, the container's own is UTC. Clocks that were never set say 1904 or 1970. */
function recordedAt(tags: Record<string, string>): string | undefined {
  for (const text of [tags["com.apple.quicktime.creationdate"], tags.creation_time, tags.date_utc]) {
    const time = new Date(text ?? "");
    if (!Number.isNaN(time.getTime()) && time.getUTCFullYear() > 1970) return time.toISOString();
  }
  return undefined;
}

/** At most 64 tags of 4 KiB: they come from strangers and end up in the sidecar. */
function textTags(tags: Record<string, string> | undefined): Record<string, string> {
  const entries = Object.entries(tags ?? {}).slice(0, 64);
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value).slice(0, 4096).normalize("NFC")]));
}
