/** Hours, minutes, seconds and a fraction, as SRT (`,`), WebVTT (`.`) and ASS (`.`, hundredths) write them. Hours may be
 * missing; blanks around the parts are forgiven. */
const CLOCK = /^\s*(?:(\d{1,4})\s*:\s*)?(\d{1,2})\s*:\s*(\d{1,2})(?:\s*[.,:]\s*(\d{1,9}))?\s*$/;

/** @returns ms, or NaN where it is no time or minutes or seconds pass 59. The digits after the point are a decimal
 * fraction (`1.5` is 1,500 ms). */
export function parseClock(text: string): number {
  const match = CLOCK.exec(text);
  if (match === null) return Number.NaN;
  const [, hours = "0", minutes = "", seconds = "", fraction = ""] = match;
  if (Number(minutes) > 59 || Number(seconds) > 59) return Number.NaN;
  const ms = Number(fraction.padEnd(3, "0").slice(0, 3));
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + ms;
}
