import type { Result, Why } from "@heimdex/contracts/v1/search";
import { parseQuery, tokensOf } from "@heimdex/search";
import { shownSource } from "./source-uri.ts";
import type { Style } from "./ui/style.ts";
import { printable } from "./ui/text.ts";
import { timecode } from "./ui/time.ts";

/** One result as people read it: place and title, when to look and in which moment, what shows it, why, and where. */
export function resultLines(place: number, result: Result, query: string, style: Style): string[] {
  const { title, atMs, startMs, endMs, snippet, why, source } = result;
  const number = `${String(place).padStart(2)}.`;
  return [
    `${style.bold(`${number} ${printable(title)}`)}  ${style.good(timecode(atMs))}  ${style.dim(`in ${timecode(startMs)}–${timecode(endMs)}`)}`,
    ...(snippet === "" ? [] : [`    ${highlight(snippet, query, style)}`]),
    ...(why.length === 0 ? [] : [`    ${style.dim(why.map(reason).join("; "))}`]),
    `    ${style.dim(printable(shownSource(source)))}`,
  ];
}

/** The words of a text that the query asks for, in whatever form, made to stand out. */
export function highlight(text: string, query: string, style: Style): string {
  const terms = new Set(parseQuery(query).terms);
  let shown = "";
  let from = 0;
  for (const { term, start, end } of tokensOf(text)) {
    // Tokens of unspaced scripts overlap: what has been shown is shown once.
    if (!terms.has(term) || start < from) continue;
    shown += printable(text.slice(from, start)) + style.match(printable(text.slice(start, end)));
    from = end;
  }
  return shown + printable(text.slice(from));
}

const CHANNEL_WORDS: Readonly<Record<string, string>> = {
  spoken: "said",
  written: "written",
  described: "described",
  names: "named",
  custom: "in added fields",
  labels: "seen",
  text: "near in meaning",
  image: "looks like it",
};

function reason({ channel, matched, score, rank }: Why): string {
  if (channel === "where") return matched.map(printable).join(", ");
  const how = CHANNEL_WORDS[channel] ?? channel;
  const what =
    matched.length > 0
      ? `: ${matched.map(printable).join(", ")}`
      : channel === "text" || channel === "image"
        ? ` (${score.toFixed(2)})`
        : "";
  return `${how}${what}${rank === 1 ? "" : ` (rank ${rank})`}`;
}
