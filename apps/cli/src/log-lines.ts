import { z } from "zod";
import type { Style } from "./ui/style.ts";
import { printable } from "./ui/text.ts";

const entry = z.looseObject({
  level: z.string(),
  time: z.string(),
  msg: z.string().default(""),
  service: z.string().default(""),
});

export interface LogLine {
  /** Name of the log, such as `stage-media`. */
  readonly log: string;
  /** ISO 8601; "" for a line that is not one of ours. */
  readonly time: string;
  /** What the line holds; `{ msg }` for a line that is not one of ours. */
  readonly entry: Readonly<Record<string, unknown>>;
}

/** A line of a log. Programs that a service runs may print what is no JSON: such a line belongs to the time of the one before. */
export function parseLogLine(log: string, text: string, timeBefore = ""): LogLine {
  const json = parseJson(text);
  const parsed = entry.safeParse(json);
  if (parsed.success) return { log, time: parsed.data.time, entry: parsed.data };
  return { log, time: timeBefore, entry: { msg: text } };
}

function parseJson(text: string): unknown {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch (reason) {
    if (reason instanceof SyntaxError) return undefined;
    throw reason;
  }
}

const SHOWN_APART = new Set(["level", "time", "msg", "service", "pid", "hostname", "trace_id", "span_id", "err"]);

/** A line for people: time of day, level, service, what happened, and the facts. An error's message follows; its stack too, below. */
export function formatLogLine({ log, time, entry: fields }: LogLine, style: Style): string {
  const level = typeof fields.level === "string" ? fields.level : "";
  const painted = level === "error" || level === "fatal" ? style.bad : level === "warn" ? style.warn : style.dim;
  const facts = Object.entries(fields)
    .filter(([key]) => !SHOWN_APART.has(key))
    .map(([key, value]) => style.dim(printable(`${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)));
  const error = fields.err as { message?: unknown; stack?: unknown } | undefined;
  const head = [
    style.dim(time === "" ? "-" : time.replace("T", " ").replace("Z", "")),
    painted(level.toUpperCase().padEnd(5)),
    style.bold(log.padEnd(12)),
    printable(String(fields.msg ?? "")),
    ...facts,
  ].join(" ");
  const why = error?.message === undefined ? "" : `\n    ${printable(String(error.message))}`;
  const stack =
    typeof error?.stack === "string"
      ? error.stack
          .split("\n")
          .slice(1)
          .map((line) => `\n    ${style.dim(printable(line.trim()))}`)
          .join("")
      : "";
  return head + why + stack;
}
