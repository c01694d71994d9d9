import { EngineError } from "@heimdex/stage-sdk/engine";
import sharp from "sharp";

/** Decoded pixels: 8-bit RGB, interleaved, row by row, upright. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `width * height * 3` bytes, R G B. */
  readonly rgb: Uint8Array;
}

/** Longest side that is ever decoded to, in pixels. Larger files are shrunk while they are read: 11 MB at 16:9. */
export const MAX_DECODED_SIDE = 2560;

/** Most pixels a file may announce. A small file that unpacks to more is a bomb, or of no use on a timeline. */
export const MAX_INPUT_PIXELS = 100_000_000;

/** From now on this whole process decodes JPEG, PNG and WebP only: SVG, PDF and the rest of libvips' formats are more ground
 * for attack than keyframes need. And it keeps nothing of what it has decoded: each still is read once, and libvips would hold up to 50 MiB of them. */
export function restrictFormats(): void {
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: ["VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp"] });
  sharp.cache(false);
}

/** Reads a still of any format libvips knows, with any number of channels, and turns it as its EXIF data says.
 * @param input a local file, or the file's bytes
 * @throws EngineError PICTURE_UNREADABLE when the bytes are no picture, cut off, or announce too many pixels */
export async function readPicture(input: string | Uint8Array): Promise<Picture> {
  try {
    const { data, info } = await sharp(input, {
      limitInputPixels: MAX_INPUT_PIXELS,
      sequentialRead: true,
      failOn: "truncated",
      pages: 1,
    })
      .autoOrient()
      .resize({ width: MAX_DECODED_SIDE, height: MAX_DECODED_SIDE, fit: "inside", withoutEnlargement: true })
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, rgb: toRgb(data, info.channels, info.width * info.height) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new EngineError("PICTURE_UNREADABLE", `The picture cannot be decoded: ${message}`, { cause: error });
  }
}

/** libvips leaves grey pictures with one channel whatever colour space is asked for. */
function toRgb(data: Buffer, channels: number, pixels: number): Uint8Array {
  if (channels === 3) return data;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = data[i * channels + (channels < 3 ? 0 : c)] ?? 0;
  }
  return rgb;
}
