import ffmpeg, { type FfmpegCommand } from "fluent-ffmpeg";
import { type ChildOptions, type ChildResult, runChild } from "./child.ts";
import { inputOptions, inputTarget } from "./location.ts";

/** A fluent-ffmpeg command whose first input is `location`, opened by the allow-lists. Add outputs, then `runFfmpeg` it.
 * fluent-ffmpeg only builds the arguments: its own runner can limit neither memory nor output and cannot stop a group.
 * @param formats demuxers allowed, default MEDIA_FORMATS
 * @param extra further options for this input, such as `-copyts` */
export function mediaCommand(
  location: string,
  formats?: readonly string[],
  extra: readonly string[] = [],
): FfmpegCommand {
  const options = [...inputOptions(location, formats), ...extra];
  return ffmpeg()
    .input(inputTarget(location))
    .inputOptions(...options);
}

export interface FfmpegOptions extends Omit<ChildOptions, "onControl"> {
  /** Time of the last frame or sample written, in ms of the output's timeline, about twice a second. */
  readonly onProgress?: (outTimeMs: number) => void;
}

/** Path or name of a tool: FFMPEG_PATH and FFPROBE_PATH (as fluent-ffmpeg reads them) win over PATH. */
export function toolPath(tool: "ffmpeg" | "ffprobe"): string {
  return process.env[`${tool.toUpperCase()}_PATH`] || tool;
}

/** Runs ffmpeg with limits. Output pipes are named `pipe:1` and `pipe:4` to `pipe:9` in the command, and read by `pipes`.
 * Rejects as `runChild` does. */
export function runFfmpeg(
  command: FfmpegCommand | readonly string[],
  options: FfmpegOptions = {},
): Promise<ChildResult> {
  const args = isList(command) ? command : (command as unknown as { _getArguments(): string[] })._getArguments();
  const { onProgress } = options;
  const progress = onProgress === undefined ? [] : ["-progress", "pipe:3"];
  return runChild(
    toolPath("ffmpeg"),
    ["-nostdin", "-hide_banner", "-nostats", "-loglevel", "warning", "-y", ...progress, ...args],
    {
      ...options,
      onControl: (line) => {
        const time = /^out_time_us=(\d+)$/.exec(line);
        if (time !== null) onProgress?.(Math.round(Number(time[1]) / 1000));
      },
    },
  );
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(command: FfmpegCommand | readonly string[]): command is readonly string[] {
  return Array.isArray(command);
}

/** Runs ffprobe with limits and returns what it printed on stdout, and its stderr lines (first 200).
 * Default limits: 60 s, 2 GiB, 32 MiB of output. */
export async function runFfprobe(
  args: readonly string[],
  options: Omit<ChildOptions, "pipes" | "onControl" | "onLog"> = {},
): Promise<ChildResult & { stdout: string; log: readonly string[] }> {
  const parts: Buffer[] = [];
  const log: string[] = [];
  const result = await runChild(toolPath("ffprobe"), ["-hide_banner", ...args], {
    ...options,
    limits: { wallMs: 60_000, memoryBytes: 2 * 1024 ** 3, outputBytes: 32 * 1024 ** 2, ...options.limits },
    onLog: (line) => {
      if (log.length < 200) log.push(line);
    },
    pipes: {
      1: async (chunks) => {
        for await (const chunk of chunks) parts.push(chunk);
      },
    },
  });
  return { ...result, stdout: Buffer.concat(parts).toString("utf8"), log };
}
