import { parseClock } from "./clock.ts";
import { CueList, type ParsedCues } from "./cue.ts";
import { stripTags } from "./markup.ts";

/** Parses SubRip. There is no standard: a cue is a line with `-->` and what follows up to the next such line; the number
 * before it may be missing, wrong or twice, empty lines may stand in the text or be missing between cues, `.` may stand
 * for `,`, and coordinates may follow the times. */
export function parseSrt(text: string): ParsedCues {
  const list = new CueList();
  const lines = text.split("\n");
  const starts = lines.flatMap((line, index) => (line.includes("-->") ? [index] : []));
  for (const [n, at] of starts.entries()) {
    const [from = "", rest = ""] = (lines[at] ?? "").split("-->");
    const to = /^\s*[\d:.,]+(?:\s*[.,]\s*\d+)?/.exec(rest)?.[0] ?? rest;
    const body = lines.slice(at + 1, starts[n + 1] ?? lines.length);
    // The line right above the next cue's times is its number.
    if (starts[n + 1] !== undefined && /^\s*\d+\s*$/.test(body.at(-1) ?? "")) body.pop();
    list.add(at + 1, parseClock(from), parseClock(to), stripTags(body.join("\n")));
  }
  return list.result();
}
