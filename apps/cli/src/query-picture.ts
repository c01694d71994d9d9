import { access, constants, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { sourceProblem } from "./media-files.ts";

/** Longest side of what is sent, pixels: more than any model looks at. */
const MOST_PIXELS_A_SIDE = 512;
/** A picture of 32,000 x 32,000 is still taken; what claims to be larger is no picture to search by. */
const MOST_PIXELS = 2 ** 30;

/** A picture file, small enough to be sent with a search: upright, the first of several pictures, transparent parts white, as a JPEG in sRGB.
 * @throws HeimdexError SOURCE_NOT_FOUND, SOURCE_UNREADABLE, SOURCE_UNSUPPORTED, IMAGE_UNREADABLE, all of which name the file */
export async function queryPicture(file: string): Promise<Buffer> {
  const path = resolve(file);
  await checkFile(path);
  const { default: sharp } = await import("sharp");
  try {
    // What is cut off is refused; what decoders merely grumble at is taken.
    return await sharp(path, { failOn: "truncated", limitInputPixels: MOST_PIXELS, sequentialRead: true })
      .autoOrient()
      .resize(MOST_PIXELS_A_SIDE, MOST_PIXELS_A_SIDE, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .jpeg({ quality: 90 })
      .toBuffer();
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split("\n", 1)[0] ?? "") : String(cause);
    throw new HeimdexError("IMAGE_UNREADABLE", `${path} cannot be read as a picture: ${why}`, {
      cause,
      metadata: { source: path },
      help: "Give a picture that opens elsewhere: a JPEG, PNG, WebP, GIF, TIFF or AVIF.",
    });
  }
}

async function checkFile(path: string): Promise<void> {
  let isFile: boolean;
  try {
    isFile = (await stat(path)).isFile();
    await access(path, constants.R_OK);
  } catch (reason) {
    throw sourceProblem(path, reason);
  }
  if (!isFile)
    throw new HeimdexError("SOURCE_UNSUPPORTED", `${path} is not a file`, {
      metadata: { source: path },
      help: "Name a picture.",
    });
}
