/** Whether a location is a URL. Everything that does not begin with http:// or https:// is a path of this machine. */
export function isUrl(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/** Demuxers that read their own bytes and nothing else. Left out on purpose, because they open what a file names: hls, concat,
 * dash, imf, sdp, rtsp, image2 (patterns), vobsub, avisynth, svg_pipe, lavfi and all devices; and tty and
 * the text formats, which take any text for media. Names as in `ffmpeg -demuxers`; one this ffmpeg lacks does no harm. */
export const MEDIA_FORMATS: readonly string[] = [
  ..."mov mp4 m4a 3gp 3g2 mj2 matroska webm mpegts mpegtsraw mpeg avi flv live_flv asf ogg mxf gxf dv nut rm wtv ivr".split(
    " ",
  ),
  ..."nsv nuv pva vivo ivf obu av1 h264 hevc vvc m4v mpegvideo mjpeg yuv4mpegpipe gif apng dxa film_cpk flic thp".split(
    " ",
  ),
  ..."wav w64 rf64 aiff caf au mp3 aac ac3 eac3 dts dtshd truehd flac ape wv tta tak mpc mpc8 amr amrnb amrwb oma".split(
    " ",
  ),
  ..."qcp voc sox ircam pvf xwma loas spdif kux".split(" "),
];

/** Text subtitles, each one file that names no other. */
export const SUBTITLE_FORMATS: readonly string[] = ["srt", "ass", "webvtt", "ttml", "sup", "mov", "matroska", "webm"];

/** Options that must stand before `-i` for media that is not trusted: protocols and formats are allow-lists, so whatever a
 * file claims to be, nothing beside it is opened. External data references of QuickTime stay off. A URL is one of `throughRelay`.
 * @param formats demuxer names, default MEDIA_FORMATS */
export function inputOptions(location: string, formats: readonly string[] = MEDIA_FORMATS): string[] {
  const common = ["-format_whitelist", formats.join(","), "-analyzeduration", "10M", "-probesize", "20M"];
  if (!isUrl(location)) return ["-protocol_whitelist", "file", ...common];
  // Longer than a relay is patient: that one knows what is wrong with the source.
  return ["-protocol_whitelist", "http,tcp", "-rw_timeout", "120000000", ...common];
}

/** What to put after `-i`. The `file:` prefix keeps colons, leading dashes and other surprises part of the name. */
export function inputTarget(location: string): string {
  return isUrl(location) ? location : `file:${location}`;
}
