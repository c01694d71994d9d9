import { extname } from "node:path";

/** What is taken from folders and buckets, by extension (docs/reference/cli.md lists the same). A film that is named is tried whatever it is called. */
export const MEDIA_EXTENSIONS: ReadonlySet<string> = new Set(
  (
    "3g2 3gp asf avi dv f4v flv m2t m2ts m2v m4v mkv mov mp4 mpe mpeg mpg mts mxf ogm ogv qt rm rmvb ts vob webm wmv " +
    "aac ac3 aif aiff amr ape caf dts eac3 flac m4a m4b mka mp2 mp3 mpc oga ogg opus tta wav wma wv"
  )
    .split(" ")
    .map((extension) => `.${extension}`),
);

/** Whether a name is that of a film, or of sound. */
export function isMediaName(name: string): boolean {
  return MEDIA_EXTENSIONS.has(extname(name).toLowerCase());
}

/** Small files beside a film that share its stem. */
export const NEIGHBOUR_TYPES: Readonly<Record<string, string>> = {
  ".srt": "application/x-subrip",
  ".vtt": "text/vtt",
  ".ass": "text/x-ssa",
  ".ssa": "text/x-ssa",
};
export const MAX_NEIGHBOUR_BYTES = 8 * 1024 * 1024;
export const MAX_NEIGHBOURS = 32;

export interface Neighbour {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}
