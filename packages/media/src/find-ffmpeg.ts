import { HeimdexError } from "@heimdex/errors";
import { runChild } from "./child.ts";
import { toolPath } from "./run-ffmpeg.ts";

export interface Tool {
  /** As it is called: a path, or a name found on PATH. */
  readonly path: string;
  /** As it states it, such as `5.1.9-0+deb12u1` or `n7.1`. */
  readonly version: string;
  /** Major and minor of a release; undefined for a build from the development branch. */
  readonly release: readonly [major: number, minor: number] | undefined;
}

/** Finds ffmpeg and ffprobe and asks their versions.
 * @throws HeimdexError NO_FFMPEG naming what is absent and how to install it */
export async function findFfmpeg(signal?: AbortSignal): Promise<{ ffmpeg: Tool; ffprobe: Tool }> {
  const [ffmpeg, ffprobe] = await Promise.all([find("ffmpeg", signal), find("ffprobe", signal)]);
  return { ffmpeg, ffprobe };
}

async function find(name: "ffmpeg" | "ffprobe", signal: AbortSignal | undefined): Promise<Tool> {
  const path = toolPath(name);
  let text = "";
  try {
    await runChild(path, ["-version"], {
      signal,
      limits: { wallMs: 20_000, outputBytes: 1024 ** 2 },
      pipes: {
        1: async (chunks) => {
          for await (const chunk of chunks) text += chunk.toString("utf8");
        },
      },
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw absent(name, path, cause);
  }
  const version = new RegExp(`^${name} version (\\S+)`).exec(text)?.[1];
  if (version === undefined) throw absent(name, path, new Error(`it printed: ${text.slice(0, 200)}`));
  const release = /^n?(\d+)\.(\d+)/.exec(version);
  return { path, version, release: release === null ? undefined : [Number(release[1]), Number(release[2])] };
}

function absent(name: string, path: string, cause: unknown): HeimdexError {
  const install = process.platform === "darwin" ? "`brew install ffmpeg`" : "`sudo apt-get install ffmpeg`";
  return new HeimdexError("NO_FFMPEG", `${name} does not run (looked for ${path})`, {
    help: `Install it: ${install}, or set ${name.toUpperCase()}_PATH to where it is.`,
    cause,
  });
}
