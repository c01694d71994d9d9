import type { Picture } from "@heimdex/engine";
import type { Box, Point } from "@heimdex/sidecar";
import type { Rect } from "./overlap.ts";

/** 0..1 with five digits: a tenth of a pixel at 4K. */
const part = (value: number, whole: number): number => Math.round(Math.min(1, Math.max(0, value / whole)) * 1e5) / 1e5;

/** A point in pixels as a part of the picture; one outside moves to the edge. */
export const pointOn = ({ width, height }: Pick<Picture, "width" | "height">, [x, y]: Pixel): Point => ({
  x: part(x, width),
  y: part(y, height),
});

/** `[x, y]` in pixels, from the top left corner of the picture. */
export type Pixel = readonly [number, number];

/** A rectangle in pixels as parts of the picture, cut off at its edges. */
export function boxOn({ width, height }: Pick<Picture, "width" | "height">, { x, y, w, h }: Rect): Box {
  const [left, top] = [part(x, width), part(y, height)];
  const tenth = (value: number) => Math.max(0, Math.round(value * 1e5) / 1e5);
  return { x: left, y: top, w: tenth(part(x + w, width) - left), h: tenth(part(y + h, height) - top) };
}

/** Three digits: the last bits differ between processors, and an equal result must be equal bytes. */
export const thousandths = (value: number): number => Math.round(value * 1000) / 1000;
