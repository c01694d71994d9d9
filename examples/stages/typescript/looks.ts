/** What a stretch of leader shows or sounds like. */
export type Mark = "black" | "bars" | "tone" | "slate";

export interface Stretch {
  readonly mark: Mark;
  readonly start_ms: number;
  readonly end_ms: number;
}

/** Size of the pictures that `lookOf` takes. */
export const WIDTH = 70;
export const HEIGHT = 40;
const COLUMNS = 7;

/** Hue of each bar in degrees, from left to right; the first is grey or white (SMPTE EG 1, EBU 3325: the same order). */
const HUES = [undefined, 60, 180, 120, 300, 0, 240];
const HUE_TOLERANCE = 25;

/** Black, colour bars, or neither. Pure.
 * @param rgb WIDTH x HEIGHT pixels, three bytes each */
export function lookOf(rgb: Uint8Array): "black" | "bars" | undefined {
  let brightest = 0;
  for (const value of rgb) brightest = Math.max(brightest, value);
  if (brightest < 32) return "black";
  // The upper half: below it, bars differ from standard to standard.
  const bars = HUES.every((wanted, column) => {
    const colour = columnColour(rgb, column);
    if (colour === undefined) return false;
    const [r, g, b] = colour;
    const spread = Math.max(r, g, b) - Math.min(r, g, b);
    if (wanted === undefined) return spread < 30 && r > 90;
    const off = Math.abs(hue(r, g, b) - wanted) % 360;
    return spread > 60 && Math.min(off, 360 - off) <= HUE_TOLERANCE;
  });
  return bars ? "bars" : undefined;
}

/** Mean colour of a column's middle, or undefined when it is not of one colour. */
function columnColour(rgb: Uint8Array, column: number): [number, number, number] | undefined {
  const width = WIDTH / COLUMNS;
  const sum: [number, number, number] = [0, 0, 0];
  const least = [255, 255, 255];
  const most = [0, 0, 0];
  let count = 0;
  for (let y = 4; y < HEIGHT / 2; y++) {
    for (let x = Math.ceil(column * width + width / 4); x < column * width + (width * 3) / 4; x++) {
      for (const channel of [0, 1, 2] as const) {
        const value = rgb[(y * WIDTH + x) * 3 + channel] ?? 0;
        sum[channel] += value;
        least[channel] = Math.min(least[channel] ?? 255, value);
        most[channel] = Math.max(most[channel] ?? 0, value);
      }
      count++;
    }
  }
  if ([0, 1, 2].some((channel) => (most[channel] ?? 0) - (least[channel] ?? 0) > 40)) return undefined;
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

function hue(r: number, g: number, b: number): number {
  const high = Math.max(r, g, b);
  const spread = high - Math.min(r, g, b);
  if (high === r) return (60 * (g - b)) / spread;
  return high === g ? 60 * ((b - r) / spread + 2) : 60 * ((r - g) / spread + 4);
}

/** Whether half a second of sound is nothing but a tone of 1 kHz: most of its energy lies there. Goertzel's algorithm (1958). Pure.
 * @param samples 16-bit, at `rate` */
export function isTone(samples: Int16Array, rate: number): boolean {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  if (Math.sqrt(energy / samples.length) < 100) return false; // -50 dBFS: silence is no tone
  const coefficient = 2 * Math.cos((2 * Math.PI * 1000) / rate);
  let [last, before] = [0, 0];
  for (const sample of samples) [last, before] = [sample + coefficient * last - before, last];
  const power = last * last + before * before - coefficient * last * before;
  return power / ((energy * samples.length) / 2) > 0.9;
}

/** Joins equal marks that follow each other. `marks[i]` is what stands at `[i * stepMs, (i + 1) * stepMs)`. Pure. */
export function stretches(marks: readonly (Mark | undefined)[], stepMs: number, leastMs: number): Stretch[] {
  const found: Stretch[] = [];
  for (let at = 0; at < marks.length; ) {
    let end = at;
    while (end < marks.length && marks[end] === marks[at]) end++;
    const mark = marks[at];
    if (mark !== undefined && (end - at) * stepMs >= leastMs)
      found.push({ mark, start_ms: at * stepMs, end_ms: end * stepMs });
    at = end;
  }
  return found;
}

const SLATE_WORDS = /\b(scene|take|slate|roll|cam(era)?|prod(uction)?|director|dir)\b/giu;

/** Slates are read: three different words of a slate on screen at once. Pure. */
export function slates(texts: readonly { text: string; start_ms: number; end_ms: number }[]): Stretch[] {
  const found: Stretch[] = [];
  for (const [start_ms, together] of Map.groupBy(texts, (item) => item.start_ms)) {
    const words = together.flatMap(({ text }) => [...text.matchAll(SLATE_WORDS)].map(([word]) => word.toLowerCase()));
    if (new Set(words).size < 3) continue;
    found.push({ mark: "slate", start_ms, end_ms: Math.max(...together.map(({ end_ms }) => end_ms)) });
  }
  return found;
}
