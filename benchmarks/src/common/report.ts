import { aimMet, aimText, type Figure, type Result } from "./benchmark.ts";
import type { Machine } from "./machine.ts";

export function machineLines(machine: Machine): string[] {
  const { cores, cpu, memory_gib, system, node, ffmpeg, filesystem, fsync_ms, load_before } = machine;
  return [
    `${cores} cores (${cpu}), ${memory_gib} GiB, ${system}, Node ${node}, ffmpeg ${ffmpeg}`,
    `data on ${filesystem}, fsync of 4 KiB ${fsync_ms} ms (median); load average before: ${load_before.toFixed(2)}`,
    "",
  ];
}

export function resultLines(result: Result, load: { before: number; after: number }): string[] {
  const width = Math.max(...result.figures.map(({ name }) => name.length));
  return [
    ...result.figures.map((figure) => `  ${figure.name.padEnd(width)}  ${figureText(figure)}`),
    `  ${Object.entries(result.conditions)
      .map(([key, value]) => `${key} ${value}`)
      .join(", ")}; load average ${load.before.toFixed(2)} before, ${load.after.toFixed(2)} after`,
    ...(result.notes ?? []).map((line) => `  ${line}`),
    "",
  ];
}

function figureText(figure: Figure): string {
  const { value, unit, spread } = figure;
  const met = aimMet(figure);
  return [
    `${rounded(value)} ${unit}`.padEnd(22),
    spread === undefined || spread.count < 2
      ? ""
      : `(${rounded(spread.min)} to ${rounded(spread.max)}, ${spread.count} runs)`,
    met === undefined ? "" : `aim ${aimText(figure.aim)}: ${met ? "met" : "MISSED"}`,
  ]
    .filter((part) => part !== "")
    .join("  ");
}

/** Three significant digits, but whole numbers whole. */
export function rounded(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
