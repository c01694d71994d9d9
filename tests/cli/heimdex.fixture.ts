import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HEIMDEX = fileURLToPath(new URL("../../heimdex", import.meta.url));
/** A command that takes longer hangs. */
const TIMEOUT_MS = 300_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The first line on either output that fits; rejects when the command ends without one. */
  line(pattern: RegExp): Promise<string>;
}

const env = (): NodeJS.ProcessEnv => {
  const { HEIMDEX_DATA: _data, HEIMDEX_LOG_LEVEL: _level, FORCE_COLOR: _colour, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1" };
};

/** Starts `./heimdex`; killed with the test if it still runs then. */
export function start(
  t: TestContext,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly timeoutMs?: number } = {},
): Running {
  const child = spawn(HEIMDEX, args, {
    env: { ...env(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeoutMs ?? TIMEOUT_MS,
  });
  t.after(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      out[name] += chunk.toString();
    });
    createInterface({ input: child[name] }).on("line", (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...out }));
  return {
    pid: child.pid ?? 0,
    child,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find((line) => pattern.test(line));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        ended.then(() => reject(new Error(`ended without a line like ${pattern}:\n${out.stdout}${out.stderr}`)));
      }),
  };
}

/** Runs `./heimdex` to its end. */
export async function heimdex(t: TestContext, ...args: string[]): Promise<Ended> {
  return start(t, args).ended;
}

/** Runs it with `--json` and reads the one document. */
export async function json(
  t: TestContext,
  ...args: string[]
): Promise<{ code: number | null; document: unknown; stderr: string }> {
  const { code, stdout, stderr } = await heimdex(t, "--json", ...args);
  try {
    return { code, document: JSON.parse(stdout), stderr };
  } catch (cause) {
    throw new Error(`${args.join(" ")} printed no single document:\n${stdout}\n${stderr}`, { cause });
  }
}

/** A folder of its own for a test, removed with it. */
export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "heimdex-cli-"));
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** An archive with a running host on free ports. */
export async function host(t: TestContext, data: string): Promise<Running> {
  const up = start(t, [
    "--data",
    data,
    "up",
    "--http-port",
    "0",
    "--grpc-port",
    "0",
    "--worker-port",
    "0",
    "--data-port",
    "0",
  ]);
  await up.line(/^ready after/);
  // Hooks run in order of registration: without this the folder would go before who writes into it.
  t.after(async () => {
    up.child.kill("SIGTERM");
    await up.ended;
  });
  return up;
}

/** Makes media. */
export async function ffmpeg(...args: string[]): Promise<void> {
  await promisify(execFile)("ffmpeg", ["-hide_banner", "-loglevel", "error", "-nostdin", "-y", ...args]);
}
