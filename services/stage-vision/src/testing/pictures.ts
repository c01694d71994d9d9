import sharp, { type Sharp } from "sharp";

/** A line of text to draw: `x`, `y` are where its baseline begins, in pixels. */
export interface DrawnText {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  /** Pixels. */
  readonly size: number;
  readonly colour?: string;
  /** Degrees clockwise, around the beginning of its baseline. */
  readonly turned?: number;
}

/** A picture with known text, drawn as SVG in the system's sans-serif font. */
export function drawn(texts: readonly DrawnText[], { width = 1280, height = 720, ground = "#203040" } = {}): Sharp {
  const lines = texts.map(({ text, x, y, size, colour = "white", turned = 0 }) => {
    const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return `<text x="${x}" y="${y}" font-family="DejaVu Sans, Liberation Sans, Arial, sans-serif" font-size="${size}"
      fill="${colour}" transform="rotate(${turned} ${x} ${y})">${escaped}</text>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="${ground}"/>${lines.join("")}</svg>`;
  return sharp(Buffer.from(svg)).flatten({ background: ground });
}
