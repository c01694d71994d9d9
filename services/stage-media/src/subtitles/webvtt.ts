import { parseClock } from "./clock.ts";
import { CueList, type ParsedCues } from "./cue.ts";
import { stripTags } from "./markup.ts";

/** Parses WebVTT (https://www.w3.org/TR/webvtt1/), and files that lack its header. STYLE, REGION and NOTE blocks carry no
 * cues. `<v Name>` becomes the speaker. The clock map of HLS segments is ignored. */
export function parseWebVtt(text: string): ParsedCues {
  const list = new CueList();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (/^(NOTE|STYLE|REGION)\s*$|^NOTE\s/.test(line)) {
      while (at + 1 < lines.length && lines[at + 1]?.trim() !== "" && !lines[at + 1]?.includes("-->")) at++;
      continue;
    }
    if (!line.includes("-->")) continue; // an identifier, the header, or stray text
    const start = at;
    const [from = "", rest = ""] = line.split("-->");
    const to = rest.trim().split(/\s/)[0] ?? ""; // settings follow
    const body: string[] = [];
    while (at + 1 < lines.length && lines[at + 1]?.trim() !== "" && !lines[at + 1]?.includes("-->")) {
      body.push(lines[++at] ?? "");
    }
    const payload = body.join("\n");
    const speaker = /<v(?:\.[^\s<>]*)?\s+([^<>]+)>/.exec(payload)?.[1];
    list.add(start + 1, parseClock(from), parseClock(to), stripTags(payload.replace(/<rt>[^<]*<\/rt>/g, "")), speaker);
  }
  return list.result();
}
