import { z } from "zod";

const unit = z.number().min(0).max(1);

export const box = z
  .looseObject({
    x: unit.meta({ description: "Left edge, 0..1 of the width.", examples: [0.25], "x-unit": "of the width" }),
    y: unit.meta({ description: "Top edge, 0..1 of the height.", examples: [0.1], "x-unit": "of the height" }),
    w: unit.meta({ description: "Width, 0..1 of the picture's width.", examples: [0.5], "x-unit": "of the width" }),
    h: unit.meta({
      description: "Height, 0..1 of the picture's height.",
      examples: [0.08],
      "x-unit": "of the height",
    }),
  })
  .meta({
    id: "Box",
    description: "A rectangle on the display-oriented picture (rotation applied), origin at the top left.",
    examples: [{ x: 0.25, y: 0.1, w: 0.5, h: 0.08 }],
  });
export type Box = z.infer<typeof box>;

export const point = z
  .looseObject({
    x: unit.meta({ description: "0..1 of the width, from the left.", examples: [0.25], "x-unit": "of the width" }),
    y: unit.meta({ description: "0..1 of the height, from the top.", examples: [0.1], "x-unit": "of the height" }),
  })
  .meta({ id: "Point", description: "A point on the display-oriented picture.", examples: [{ x: 0.25, y: 0.1 }] });
export type Point = z.infer<typeof point>;
