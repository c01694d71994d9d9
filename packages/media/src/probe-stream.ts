import type { Rational, Stream } from "@heimdex/sidecar";

/** A stream as `ffprobe -show_streams -of json` prints it: what is used of it. */
export interface ProbedStream {
  readonly index: number;
  readonly codec_name?: string;
  readonly codec_type?: string;
  readonly profile?: string;
  readonly time_base: string;
  readonly start_time?: string;
  readonly duration?: string;
  readonly bit_rate?: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_aspect_ratio?: string;
  readonly avg_frame_rate?: string;
  readonly r_frame_rate?: string;
  readonly pix_fmt?: string;
  readonly bits_per_raw_sample?: string;
  readonly color_space?: string;
  readonly color_transfer?: string;
  readonly color_primaries?: string;
  readonly color_range?: string;
  readonly field_order?: string;
  readonly sample_rate?: string;
  readonly channels?: number;
  readonly channel_layout?: string;
  readonly disposition?: Readonly<Record<string, number>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly side_data_list?: readonly { readonly rotation?: number | string }[];
}

type Turn = 0 | 90 | 180 | 270;

export function toStream(probed: ProbedStream): Stream {
  const type = streamType(probed);
  const tags = lowerKeys(probed.tags);
  const language = bcp47(tags.language);
  const bitRate = positive(probed.bit_rate ?? tags.bps);
  const common: Stream = {
    index: probed.index,
    type,
    codec: probed.codec_name ?? "unknown",
    ...(probed.profile === undefined || probed.profile === "unknown" ? {} : { profile: probed.profile }),
    time_base: rational(probed.time_base) ?? { num: 1, den: 1000 },
    ...optionalMs("start_ms", probed.start_time),
    ...durationMs(probed.duration),
    ...(language === undefined ? {} : { language }),
    ...(probed.disposition?.default === 1 ? { default: true } : {}),
    ...(tags.title ? { title: tags.title.normalize("NFC") } : {}),
    ...(bitRate === undefined ? {} : { bit_rate: bitRate }),
  };
  if (type === "audio") return { ...common, ...audioFields(probed) };
  if (type === "video" || (type === "attachment" && probed.width)) return { ...common, ...videoFields(probed) };
  return common;
}

function streamType({ codec_type, disposition }: ProbedStream): Stream["type"] {
  if (codec_type === "video" && (disposition?.attached_pic === 1 || disposition?.still_image === 1))
    return "attachment";
  if (codec_type === "video" || codec_type === "audio" || codec_type === "subtitle" || codec_type === "attachment")
    return codec_type;
  return "data";
}

function audioFields(probed: ProbedStream): Partial<Stream> {
  const rate = positive(probed.sample_rate);
  return {
    ...(rate === undefined ? {} : { sample_rate: rate }),
    ...(probed.channels ? { channels: probed.channels } : {}),
    ...(probed.channel_layout ? { channel_layout: probed.channel_layout } : {}),
  };
}

function videoFields(probed: ProbedStream): Omit<Partial<Stream>, "index"> {
  const rotation = rotationOf(probed);
  const turned = rotation === 90 || rotation === 270;
  const aspect = rational(probed.sample_aspect_ratio?.replace(":", "/"));
  const rate = rational(probed.avg_frame_rate);
  const depth = positive(probed.bits_per_raw_sample) ?? depthOf(probed.pix_fmt);
  const color = {
    ...known("space", probed.color_space),
    ...known("transfer", probed.color_transfer),
    ...known("primaries", probed.color_primaries),
    ...(probed.color_range === "tv" || probed.color_range === "pc" ? { range: probed.color_range } : {}),
  };
  const order = probed.field_order;
  return {
    ...(probed.width && probed.height
      ? { width: turned ? probed.height : probed.width, height: turned ? probed.width : probed.height }
      : {}),
    ...(aspect !== undefined && aspect.num > 0 && aspect.num !== aspect.den
      ? { sample_aspect_ratio: turned ? { num: aspect.den, den: aspect.num } : aspect }
      : {}),
    ...(rate !== undefined && rate.num > 0 ? { average_frame_rate: rate } : {}),
    rotation,
    ...known("pixel_format", probed.pix_fmt),
    ...(depth === undefined ? {} : { bit_depth: depth }),
    ...(Object.keys(color).length === 0 ? {} : { color }),
    ...(order === "progressive" ? { interlaced: false } : {}),
    ...(/^(tt|bb|tb|bt)$/.test(order ?? "") ? { interlaced: true } : {}),
  };
}

/** ffprobe states the display matrix counter-clockwise; the older `rotate` tag is clockwise. */
export function rotationOf(probed: ProbedStream): Turn {
  const matrix = probed.side_data_list?.find((data) => data.rotation !== undefined)?.rotation;
  const clockwise = matrix !== undefined ? -Number(matrix) : Number(probed.tags?.rotate ?? 0);
  return ((((Math.round(clockwise / 90) * 90) % 360) + 360) % 360 || 0) as Turn;
}

/** ffmpeg writes 10-bit formats as yuv420p10le, p010le, gray10: without a number in that place it is 8. */
function depthOf(format: string | undefined): number | undefined {
  if (format === undefined || format === "unknown") return undefined;
  const match = /(?:p|gray|gbrap?|bayer_\w{4}|p0|p2|p4)(9|10|12|14|16)(?:le|be)?$/.exec(format);
  return match === null ? 8 : Number(match[1]);
}

/** `num/den`; undefined for 0/0 and what is no fraction. */
export function rational(text: string | undefined): Rational | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(text ?? "");
  return match === null || Number(match[2]) === 0 ? undefined : { num: Number(match[1]), den: Number(match[2]) };
}

/** Containers carry ISO 639-2 (`ger`, `deu`) or BCP-47 already; ICU knows the shortest tag for both. */
export function bcp47(tag: string | undefined): string | undefined {
  if (!tag || /^(und|mis|mul|zxx|xxx)$/i.test(tag)) return undefined;
  try {
    return Intl.getCanonicalLocales(BIBLIOGRAPHIC[tag.toLowerCase()] ?? tag.replaceAll("_", "-"))[0];
  } catch (error) {
    if (error instanceof RangeError) return undefined; // free text such as "English": not a language tag
    throw error;
  }
}

/** ISO 639-2's bibliographic codes, which containers use and BCP-47 does not have. */
const BIBLIOGRAPHIC: Readonly<Record<string, string>> = {
  alb: "sq",
  arm: "hy",
  baq: "eu",
  bur: "my",
  chi: "zh",
  cze: "cs",
  dut: "nl",
  fre: "fr",
  geo: "ka",
  ger: "de",
  gre: "el",
  ice: "is",
  mac: "mk",
  mao: "mi",
  may: "ms",
  per: "fa",
  rum: "ro",
  slo: "sk",
  tib: "bo",
  wel: "cy",
};

export function lowerKeys(tags: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(tags ?? {}).map(([key, value]) => [key.toLowerCase(), value]));
}

/** Seconds, or Matroska's `HH:MM:SS.nnnnnnnnn`. */
export function seconds(text: string | undefined): number | undefined {
  const clock = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(text ?? "");
  if (clock !== null) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  const value = Number(text);
  return text === undefined || text === "" || !Number.isFinite(value) ? undefined : value;
}

function optionalMs<K extends string>(key: K, text: string | undefined): { [P in K]?: number } {
  const value = seconds(text);
  return (value === undefined ? {} : { [key]: Math.round(value * 1000) }) as { [P in K]?: number };
}

function durationMs(text: string | undefined): { duration_ms?: number } {
  const value = seconds(text);
  return value === undefined || value < 0 ? {} : { duration_ms: Math.round(value * 1000) };
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}

function known<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined || value === "unknown" || value === "reserved" ? {} : { [key]: value }) as {
    [P in K]?: string;
  };
}
