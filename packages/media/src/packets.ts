import type { Stream } from "@heimdex/sidecar";
import { unevenlySpaced } from "./frame-spacing.ts";
import { inputOptions, inputTarget } from "./location.ts";
import type { ProbeOptions } from "./probe.ts";
import { runFfprobe } from "./run-ffmpeg.ts";

export interface PacketTimes {
  /** End of the last packet on the container's clock, in ms. */
  readonly endMs: number;
}

/** Reading a whole file's packets takes as long as reading its bytes. */
const WALL_MS = 30 * 60_000;

/** Reads all packets (of one stream, or of picture and sound) to find where they end. Decodes nothing. */
export async function packetTimes(
  location: string,
  stream: number | undefined,
  options: ProbeOptions,
): Promise<PacketTimes> {
  let endMs = 0;
  const rows = await packets(location, stream, undefined, options, "pts_time,duration_time");
  for (const [pts, duration] of rows) {
    const end = Number(pts) + (Number(duration) || 0);
    if (Number.isFinite(end)) endMs = Math.max(endMs, end * 1000);
  }
  return { endMs };
}

/** A minute is read whole; of longer ones, this many packets at the start, in the middle and near the end. */
const WHOLE_MS = 60_000;
const SAMPLE = 240;

/** Whether a video stream's frames are unevenly spaced; undefined where too few tell. */
export async function spacingOf(
  location: string,
  stream: Stream,
  durationMs: number,
  options: ProbeOptions,
): Promise<boolean | undefined> {
  if (durationMs <= WHOLE_MS) return unevenlySpaced(await ptsOf(location, stream, "%+#20000", options), true);
  let known: boolean | undefined;
  for (const part of [0, 0.5, 0.9]) {
    const from = part === 0 ? "" : `+${((durationMs / 1000) * part).toFixed(3)}`;
    const uneven = unevenlySpaced(await ptsOf(location, stream, `${from}%+#${SAMPLE}`, options), false);
    if (uneven) return true;
    known ??= uneven;
  }
  return known;
}

async function ptsOf(location: string, stream: Stream, interval: string, options: ProbeOptions): Promise<number[]> {
  const rows = await packets(location, stream.index, interval, options, "pts");
  return rows.map(([pts]) => Number(pts)).filter(Number.isSafeInteger);
}

async function packets(
  location: string,
  stream: number | undefined,
  interval: string | undefined,
  { signal, limits, onCpu }: ProbeOptions,
  entries: string,
): Promise<string[][]> {
  const args = [
    "-loglevel",
    "error",
    ...inputOptions(location),
    "-of",
    "csv=p=0",
    "-show_entries",
    `packet=${entries}`,
  ];
  if (stream !== undefined) args.push("-select_streams", String(stream));
  if (interval !== undefined) args.push("-read_intervals", interval);
  const answer = await runFfprobe([...args, "-i", inputTarget(location)], {
    signal,
    limits: { wallMs: WALL_MS, outputBytes: 1024 ** 3, ...limits },
  });
  onCpu?.(answer.cpuMs);
  return answer.stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(","));
}
