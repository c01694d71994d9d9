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
const FLOORS: ReadonlyMap<string, Floors> = new Map([]);
