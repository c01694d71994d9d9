import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { localOnly } from "../endpoint.ts";
import { formatLogLine, type LogLine, parseLogLine } from "../log-lines.ts";
import { readSince, tailFile } from "../tail-file.ts";
import { UsageError } from "../usage-error.ts";

const FOLLOW_EVERY_MS = 250;

/** `logs`: works without a host, also after a crash. */
export async function logs(
  context: Context,
  services: readonly string[],
  options: { follow?: boolean; lines: number },
): Promise<undefined> {
  localOnly(context, "logs", "Of a cluster, `docker compose logs` in deploy/compose prints them.");
  const { terminal, signal } = context;
  if (options.follow === true && terminal.json)
    throw new UsageError("--follow has no end, and --json prints one document at the end", "Leave one of them out.");
  const folder = join(dataRoot(context.data, context.env), "logs");
  const names = await logNames(folder, services);
  const ends = new Map<string, number>();
  const lines: LogLine[] = [];
  for (const name of names) {
    const tail = await tailFile(join(folder, `${name}.log`), options.lines);
    ends.set(name, tail.end);
    lines.push(...parsed(name, tail.lines));
  }
  // Sorting is stable: lines of one log keep their order.
  const newest =
    options.lines === 0
      ? []
      : lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-options.lines);
  terminal.document({ lines: newest.map(({ log, entry }) => ({ log, ...entry })) });
  for (const line of newest) terminal.line(formatLogLine(line, terminal.style));
  while (options.follow === true && !signal.aborted) {
    for (const name of services.length > 0 ? names : await logNames(folder, [])) {
      const more = await readSince(join(folder, `${name}.log`), ends.get(name) ?? 0);
      ends.set(name, more.end);
      for (const line of parsed(name, more.lines)) terminal.line(formatLogLine(line, terminal.style));
    }
    // Files of other processes: nothing tells on every system and file system that they grew. Ctrl-C is the usual end.
    await delay(FOLLOW_EVERY_MS, undefined, { signal }).catch((reason: Error) => {
      if (!signal.aborted) throw reason;
    });
  }
}

function parsed(log: string, lines: readonly string[]): LogLine[] {
  let time = "";
  return lines.map((text) => {
    const line = parseLogLine(log, text, time);
    time = line.time;
    return line;
  });
}

async function logNames(folder: string, services: readonly string[]): Promise<string[]> {
  const files = await readdir(folder).catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return [];
    throw reason;
  });
  const names = files
    .filter((file) => file.endsWith(".log"))
    .map((file) => file.slice(0, -".log".length))
    .sort();
  if (names.length === 0) {
    throw new HeimdexError("NOT_FOUND", `there are no logs in ${folder} yet`, {
      help: "Logs begin with the first `heimdex up` or `heimdex index`; --data says where.",
    });
  }
  const missing = services.find((service) => !names.includes(service));
  if (missing !== undefined)
    throw new HeimdexError("NOT_FOUND", `there is no log of ${missing} in ${folder}`, {
      help: `There are: ${names.join(", ")}.`,
    });
  return services.length > 0 ? [...services] : names;
}
