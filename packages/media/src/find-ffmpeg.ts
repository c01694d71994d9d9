import { HeimdexError } from "@heimdex/errors";
import { runChild } from "./child.ts";
import { MediaError } from "./media-error.ts";
import { toolPath } from "./run-ffmpeg.ts";

export interface Tool {
  /** As it is called: a path, or a name found on PATH. */
  readonly path: string;
  /** As it states it, such as `5.1.9-0+deb12u1` or `n7.1`. */
  readonly version: string;
  /** Major and minor of a release; undefined for a build from the development branch. */
  readonly release: readonly [major: number, minor: number] | undefined;
}

/** How long `-version` may take, each time: a machine under load is slow to start programs, and is asked once more with more time. */
const VERSION_LIMITS_MS = [20_000, 60_000];

/** Finds ffmpeg and ffprobe and asks their versions. What fails to answer, for whatever reason, is asked a second time.
 * @throws HeimdexError NO_FFMPEG naming what is absent and how to install it; FFMPEG_UNUSABLE where it is there and does not
 *   answer, with what was said */
export async function findFfmpeg(signal?: AbortSignal): Promise<{ ffmpeg: Tool; ffprobe: Tool }> {
  const [ffmpeg, ffprobe] = await Promise.all([find("ffmpeg", signal), find("ffprobe", signal)]);
  return { ffmpeg, ffprobe };
}

async function find(name: "ffmpeg" | "ffprobe", signal: AbortSignal | undefined): Promise<Tool> {
  const path = toolPath(name);
  let failed: unknown;
  for (const wallMs of VERSION_LIMITS_MS) {
    try {
      return await ask(name, path, wallMs, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (error instanceof HeimdexError && error.id === "NO_FFMPEG") throw absent(name, path, error);
      failed = error;
    }
  }
  throw unusable(name, path, failed);
}

async function ask(name: string, path: string, wallMs: number, signal: AbortSignal | undefined): Promise<Tool> {
  let text = "";
  await runChild(path, ["-version"], {
    signal,
    limits: { wallMs, outputBytes: 1024 ** 2 },
    pipes: {
      1: async (chunks) => {
        for await (const chunk of chunks) text += chunk.toString("utf8");
      },
    },
  });
  const version = new RegExp(`^${name} version (\\S+)`).exec(text)?.[1];
  if (version === undefined) throw new Error(`it printed no version: ${text.slice(0, 200)}`);
  const release = /^n?(\d+)\.(\d+)/.exec(version);
  return { path, version, release: release === null ? undefined : [Number(release[1]), Number(release[2])] };
}

function absent(name: string, path: string, cause: unknown): HeimdexError {
  const install = process.platform === "darwin" ? "`brew install ffmpeg`" : "`sudo apt-get install ffmpeg`";
  return new HeimdexError("NO_FFMPEG", `${name} was not found (looked for ${path})`, {
    help: `Install it: ${install}, or set ${name.toUpperCase()}_PATH to where it is.`,
    cause,
  });
}

function unusable(name: string, path: string, cause: unknown): HeimdexError {
  const said = cause instanceof Error ? cause.message : String(cause);
  const tail = cause instanceof MediaError ? cause.logTail?.trimEnd().split("\n").at(-1) : undefined;
  const last = tail === undefined || said.includes(tail) ? "" : ` (it printed: ${tail})`;
  return new HeimdexError("FFMPEG_UNUSABLE", `${name} is there and does not run (${path}): ${said}${last}`, {
    help: `Run \`${path} -version\`: it must print its version and end with 0. ${name.toUpperCase()}_PATH names another.`,
    cause,
  });
}
