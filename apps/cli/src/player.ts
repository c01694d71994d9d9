import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A command line that plays a file from a time on. */
export type Command = readonly [program: string, ...args: string[]];

const PLAYERS: readonly (readonly [string, (path: string, seconds: string) => string[]])[] = [
  ["mpv", (path, seconds) => [`--start=${seconds}`, "--", path]],
  ["vlc", (path, seconds) => [`--start-time=${seconds}`, "--play-and-exit", path]],
  ["ffplay", (path, seconds) => ["-hide_banner", "-loglevel", "error", "-ss", seconds, "-i", path]],
];

/** The first player that is installed, told to play from `startMs` on; undefined when there is none. `path` is absolute. */
export function playerCommand(path: string, startMs: number, env: NodeJS.ProcessEnv): Command | undefined {
  for (const [name, args] of PLAYERS) {
    const program = findProgram(name, env);
    if (program !== undefined) return [program, ...args(path, (startMs / 1000).toFixed(3))];
  }
  return undefined;
}

/** What opens a URL in the browser; undefined when there is nothing. */
export function browserCommand(url: string, env: NodeJS.ProcessEnv, platform = process.platform): Command | undefined {
  const program = findProgram(platform === "darwin" ? "open" : "xdg-open", env);
  return program === undefined ? undefined : [program, url];
}

/** Where a program lies on PATH. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const folder of (env.PATH ?? "").split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    if (isProgram(path)) return path;
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (reason) {
    if (["ENOENT", "EACCES", "ENOTDIR", "ELOOP"].includes((reason as NodeJS.ErrnoException).code ?? "")) return false;
    throw reason;
  }
}

/** Starts a program that outlives this one. Resolves once it runs. */
export async function launch([program, ...args]: Command): Promise<void> {
  const child = spawn(program, args, { detached: true, stdio: "ignore" });
  await once(child, "spawn"); // rejects with what kept it from starting
  child.unref();
}

/** A command line as one could type it. */
export function shellQuoted(command: Command): string {
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
