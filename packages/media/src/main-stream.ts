import type { Media, Stream } from "@heimdex/sidecar";

/** The picture that stands for the asset: the largest, among equals the default one, then the first. */
export function mainVideo(media: Media): Stream | undefined {
  return best(media, "video", (stream) => (stream.width ?? 0) * (stream.height ?? 0));
}

/** The sound that stands for the asset: the default one, among equals the one with most channels, then the first. */
export function mainAudio(media: Media): Stream | undefined {
  return best(media, "audio", (stream) => (stream.default ? 1000 : 0) + (stream.channels ?? 0));
}

function best(media: Media, type: Stream["type"], rank: (stream: Stream) => number): Stream | undefined {
  const usable = media.streams.filter(
    (stream) => stream.type === type && stream.codec !== "unknown" && rank(stream) > 0,
  );
  return usable.toSorted((a, b) => rank(b) - rank(a) || Number(b.default ?? false) - Number(a.default ?? false))[0];
}
