import { readFile } from "node:fs/promises";
import { locateModel } from "@heimdex/models";
import sharp from "sharp";

/** The photograph that comes with the packaged face model: 1280 x 1158, a group of people, above them a row of small pictures. */
async function photograph(): Promise<Buffer> {
  const located = await locateModel("human-faces");
  const file = located.available ? located.files["samples.jpg"] : undefined;
  if (file === undefined) throw new Error("the model human-faces is to be pulled first");
  return readFile(file);
}

/** A cut-out of the photograph at 16:9, as a film that pans over it would show: the woman who smiles at the camera is in it.
 * @param left of the cut-out in pixels, 0 to 280 */
export async function people(left: number): Promise<Buffer> {
  return sharp(await photograph())
    .extract({ left, top: 420, width: 640, height: 360 })
    .resize(1280, 720)
    .jpeg()
    .toBuffer();
}

/** The whole photograph. */
export const crowd = photograph;
