import { parseClock } from "./clock.ts";
import { CueList, type ParsedCues } from "./cue.ts";
import { stripAss } from "./markup.ts";

/** Fields of a dialogue line where a file states no `Format:`. */
const DEFAULT_FORMAT = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text";

/** Parses the `[Events]` of (Advanced) SubStation Alpha. `Name` becomes the speaker; comments, drawings and all other
 * sections (fonts and pictures may be attached there) are ignored. Lines that stand twice for effect, as layers of one
 * text, count once. */
export function parseAss(text: string): ParsedCues {
  const list = new CueList();
  const seen = new Set<string>();
  let inEvents = false;
  let format = fields(DEFAULT_FORMAT);
  for (const [index, line] of text.split("\n").entries()) {
    const section = /^\s*\[([^\]]+)\]\s*$/.exec(line)?.[1];
    if (section !== undefined) inEvents = section.trim().toLowerCase() === "events";
    if (!inEvents) continue;
    const [, kind, value] = /^\s*(Format|Dialogue)\s*:(.*)$/i.exec(line) ?? [];
    if (kind === undefined || value === undefined) continue;
    if (kind.toLowerCase() === "format") {
      format = fields(value);
      continue;
    }
    const at = (name: string) => format.indexOf(name);
    const values = value.split(",");
    const textAt = at("text") < 0 ? format.length - 1 : at("text");
    const spoken = stripAss(values.slice(textAt).join(",")); // the last field may hold commas
    const startMs = parseClock(values[at("start")] ?? "");
    const endMs = parseClock(values[at("end")] ?? "");
    const key = `${startMs} ${endMs} ${spoken}`;
    if (seen.has(key)) continue;
    seen.add(key);
    list.add(index + 1, startMs, endMs, spoken, values[at("name")] ?? values[at("actor")]);
  }
  return list.result();
}

function fields(format: string): string[] {
  return format.split(",").map((field) => field.trim().toLowerCase());
}
