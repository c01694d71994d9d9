import { FLOOR, type FloorOptions } from "./floor.ts";

/** Constants of the floor in a space of pictures, by its model. A picture and a text about it are less alike than two pictures, so each way of asking has
 * its own. No word raises the likeness of pictures: `lift` is 0. */
export function pictureFloorOf(model: string, asked: "picture" | "words"): FloorOptions {
  return (FLOORS.get(model) ?? DEFAULT)[asked];
}

const floor = (similar: number, unrelated: number): FloorOptions => ({ ...FLOOR, similar, unrelated, lift: 0 });
interface Floors {
  readonly picture: FloorOptions;
  readonly words: FloorOptions;
}
const DEFAULT: Floors = { picture: floor(0.8, 0.5), words: floor(0.3, 0.1) };
const FLOORS: ReadonlyMap<string, Floors> = new Map([
  // 95 frames of 17 clips: frames of one clip lie at 0.66 and more in nine cases of ten, of two clips at 0.56 and less. It has no side for words.
  ["human-pictures", { ...DEFAULT, picture: floor(0.7, 0.4) }],
  // Not measured here. SigLIP is trained so that a text and a picture that go together lie only just above 0.1, all others around 0.
  ["siglip2-base-patch16-224", { picture: floor(0.8, 0.5), words: floor(0.09, 0) }],
]);
