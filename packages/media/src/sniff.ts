/** What the first bytes of a file are. ffprobe guesses by content and by name; this decides by content alone, before any tool
 * opens the file, and gives refusals a name a person understands. */
export type Sniffed =
  | { readonly kind: "reference"; readonly what: string }
  | { readonly kind: "image"; readonly what: string }
  | { readonly kind: "subtitles"; readonly what: string }
  | { readonly kind: "text" }
  | { readonly kind: "iso" }
  | { readonly kind: "matroska" }
  | { readonly kind: "riff" }
  | { readonly kind: "mpegts"; readonly packet: 188 | 192 }
  | { readonly kind: "unknown" };

/** Bytes `sniff` wants to see. */
export const SNIFF_BYTES = 4096;

/** Text that names other files or addresses, by how it begins (white space and byte order marks taken off). */
const REFERENCES: readonly (readonly [RegExp, string])[] = [
  [/^#EXT(M3U|INF|-X-)/, "an m3u8 playlist"],
  [/^ffconcat\s+version/, "an ffmpeg concat script"],
  [/^(#[^\n]*\n\s*)*file\s+\S/, "an ffmpeg concat script"],
  [/^v=0\s*\r?\n[a-z]=/, "an SDP session description"],
  [/^# VobSub index file/i, "a VobSub index"],
  [/^# mpv EDL/, "an edit list"],
  [/^\[playlist\]/i, "a PLS playlist"],
  [/^\[reference\]/i, "a reference playlist"],
  [/^RTSPtext/i, "a reference to a stream"],
  [/^(rtsp|rtmp|mms|pnm|https?|ftp|file|smb):\/\//i, "a list of addresses"],
  [/^(REM [^\n]*\n|PERFORMER [^\n]*\n|TITLE [^\n]*\n)*FILE\s+".*"\s+(WAVE|MP3|AIFF|BINARY|MOTOROLA)/i, "a cue sheet"],
];

/** Root elements of XML documents that name other files. */
const XML_REFERENCES: readonly (readonly [RegExp, string])[] = [
  [/<([\w-]+:)?MPD[\s>]/, "a DASH manifest"],
  [/<SmoothStreamingMedia[\s>]/, "a Smooth Streaming manifest"],
  [/<([\w-]+:)?(CompositionPlaylist|AssetMap|PackingList)[\s>]/, "an IMF or DCP package"],
  [/<(asx|smil|playlist|xspf)[\s>]/i, "a playlist"],
  [/<\?wpl/i, "a playlist"],
  [/<([\w-]+:)?svg[\s>]/i, "an SVG drawing, which may name other files"],
  [/<([\w-]+:)?(fcpxml|xmeml|mlt)[\s>]/i, "an editing project"],
];

const SUBTITLES: readonly (readonly [RegExp, string])[] = [
  [/^WEBVTT/, "WebVTT"],
  [/^\d+\s*\r?\n\d\d:\d\d:\d\d[,.]\d{3}\s*-->/, "SubRip"],
  [/^\[Script Info\]/i, "ASS"],
  [/<SAMI>/i, "SAMI"],
  [/<([\w-]+:)?tt[\s>]/, "TTML"],
];

const IMAGES: readonly (readonly [number, string, string])[] = [
  [0, "\xff\xd8\xff", "JPEG"],
  [0, "II*\0", "TIFF"],
  [0, "MM\0*", "TIFF"],
  [0, "BM", "BMP"],
  [0, "8BPS", "Photoshop"],
  [0, "gimp xcf", "XCF"],
  [8, "WEBP", "WebP"],
];
const IMAGE_BRANDS = new Set(["heic", "heix", "heim", "heis", "mif1", "avif"]);
const ISO_FIRST = new Set(["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp", "moof", "sidx", "uuid"]);

export function sniff(head: Buffer): Sniffed {
  const type = head.toString("latin1", 4, 8);
  if (ISO_FIRST.has(type))
    return type === "ftyp" && IMAGE_BRANDS.has(head.toString("latin1", 8, 12))
      ? { kind: "image", what: "HEIF" }
      : { kind: "iso" };
  if (head.length >= 4 && head.readUInt32BE(0) === 0x1a45dfa3) return { kind: "matroska" };
  if (head.toString("latin1", 0, 8) === "\x89PNG\r\n\x1a\n")
    return head.includes("acTL") ? { kind: "unknown" } : { kind: "image", what: "PNG" };
  for (const [offset, magic, what] of IMAGES)
    if (
      head.toString("latin1", offset, offset + magic.length) === magic &&
      (what !== "BMP" || head.readUInt32LE(6) === 0)
    )
      return { kind: "image", what };
  if (/^(RIFF|RF64)$/.test(head.toString("latin1", 0, 4))) return { kind: "riff" };
  for (const packet of [188, 192] as const) {
    const first = packet - 188;
    if (head.length > first + 4 * packet && [0, 1, 2, 3].every((n) => head[first + n * packet] === 0x47))
      return { kind: "mpegts", packet };
  }
  return sniffText(head) ?? { kind: "unknown" };
}

function sniffText(head: Buffer): Sniffed | undefined {
  const text = decode(head)
    .replace(/^\uFEFF/, "")
    .trimStart();
  for (const [pattern, what] of REFERENCES) if (pattern.test(text)) return { kind: "reference", what };
  if (text.startsWith("<"))
    for (const [pattern, what] of XML_REFERENCES) if (pattern.test(text)) return { kind: "reference", what };
  for (const [pattern, what] of SUBTITLES) if (pattern.test(text)) return { kind: "subtitles", what };
  return isText(text) ? { kind: "text" } : undefined;
}

/** UTF-16 by its byte order mark, else UTF-8. */
function decode(head: Buffer): string {
  if (head[0] === 0xff && head[1] === 0xfe) return new TextDecoder("utf-16le").decode(head);
  if (head[0] === 0xfe && head[1] === 0xff) return new TextDecoder("utf-16be").decode(head);
  return head.toString("utf8");
}

/** No control characters beside white space, and no bytes that are not UTF-8 except at the cut end. */
function isText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary from text
  return !/[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) && !text.slice(0, -4).includes("\ufffd");
}
