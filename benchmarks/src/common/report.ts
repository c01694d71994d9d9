import { aimMet, type Figure, type Result } from "./benchmark.ts";
import type { Machine } from "./machine.ts";

export function machineLines(machine: Machine): string[] {
  const { cores, cpu, memory_gib, system, node, ffmpeg, filesystem, fsync_ms, load_before } = machine;
  return [
    `${cores} cores (${cpu}), ${memory_gib} GiB, ${system}, Node ${node}, ffmpeg ${ffmpeg}`,
    `data on ${filesystem}, fsync of 4 KiB ${fsync_ms} ms (median); load average before: ${load_before.toFixed(2)}`,
    "",
  ];
}

export function resultLines(result: Result, load: Load): string[] {
  const width = Math.max(...result.figures.map(({ name }) => name.length));
  return [
    ...result.figures.map((figure) => {
      const parts = [`${rounded(figure.value)} ${figure.unit}`.padEnd(22), runsText(figure), aimText(figure)];
      return `  ${figure.name.padEnd(width)}  ${parts.filter((part) => part !== "").join("  ")}`.trimEnd();
    }),
    `  ${conditionsText(result, load)}`,
    ...(result.notes ?? []).map((line) => `  ${line}`),
    "",
  ];
}

/** The same as tables of Markdown; conditions and notes follow as text. */
export function markdownLines(result: Result, load: Load): string[] {
  const rows = result.figures.map((figure) => {
    const cells = [figure.name, `${rounded(figure.value)} ${figure.unit}`, runsText(figure), aimText(figure)];
    return `|${cells.map((cell) => (cell === "" ? " " : ` ${cell} `)).join("|")}|`;
  });
  return [
    ...["", "| figure | median | smallest to largest | aim |", "| --- | --- | --- | --- |"],
    ...rows,
    ...["", `${conditionsText(result, load)}.`],
    ...(result.notes === undefined ? [] : ["", "```text", ...result.notes, "```"]),
    "",
  ];
}

interface Load {
  readonly before: number;
  readonly after: number;
}

function conditionsText({ conditions }: Result, { before, after }: Load): string {
  const settings = Object.entries(conditions).map(([key, value]) => `${key.replaceAll("_", " ")} ${value}`);
  return [...settings, `load average ${before.toFixed(2)} before, ${after.toFixed(2)} after`].join(", ");
}

function runsText({ spread }: Figure): string {
  if (spread === undefined || spread.count < 2) return "";
  return `${rounded(spread.min)} to ${rounded(spread.max)}, ${spread.count} runs`;
}

function aimText(figure: Figure): string {
  const met = aimMet(figure);
  if (met === undefined || figure.aim === undefined) return "";
  const aim = "most" in figure.aim ? `<= ${figure.aim.most}` : `>= ${figure.aim.least}`;
  return `${aim}: ${met ? "met" : "missed"}`;
}

/** Three significant digits, but whole numbers whole. */
export function rounded(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
