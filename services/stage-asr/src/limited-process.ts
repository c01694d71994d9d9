import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface ProcessLimits {
  /** Wall time in ms; then the process and its children are killed. */
  readonly wallMs: number;
  /** Address space in bytes. Enforced by the kernel on Linux; systems without such a limit ignore it. */
  readonly memoryBytes: number;
  /** Largest file it may write, in bytes. */
  readonly fileBytes: number;
}

export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly limits: ProcessLimits;
  readonly signal: AbortSignal;
  /** Each line it prints to stderr. */
  onLine?(line: string): void;
}

/** Why a child process did not end well. */
export class ProcessFailure extends Error {
  override readonly name = "ProcessFailure";
  readonly how: "spawn" | "exit" | "killed" | "timeout";
  /** The last lines it printed. */
  readonly tail: string;
  constructor(cause: ProcessFailure["how"], message: string, tail: string) {
    super(message);
    this.how = cause;
    this.tail = tail;
  }
}

const TAIL_BYTES = 4096;
const MAX_LINE = 16_384;

/** Sets limits the kernel keeps, runs the program, then prints what it and its children used (POSIX `times`) to fd 3.
 * A limit the system does not know is skipped: the wall time and the process group still hold. */
const SCRIPT = `ulimit -c 0 2>/dev/null
ulimit -t "$1" 2>/dev/null
ulimit -v "$2" 2>/dev/null
ulimit -f "$3" 2>/dev/null
shift 3
"$@" 3>&-
code=$?
times >&3
exit $code`;

/** Runs a program in a process group of its own with limits on time, memory and output.
 * @returns the CPU time it used, user and system, in ms
 * @throws ProcessFailure when it does not start, exits with another code than 0, is killed or takes too long.
 *   An aborted call kills it and rejects with `signal.reason`. */
export async function runLimited(request: ProcessRequest): Promise<{ cpuMs: number }> {
  const { command, args, cwd, limits, signal } = request;
  signal.throwIfAborted();
  const cpuSeconds = Math.ceil(limits.wallMs / 1000) + 1;
  const numbers = [cpuSeconds, Math.ceil(limits.memoryBytes / 1024), Math.ceil(limits.fileBytes / 512)];
  const child = spawn("/bin/sh", ["-c", SCRIPT, "sh", ...numbers.map(String), command, ...args], {
    cwd,
    detached: true, // a group of its own, so that a kill reaches the program behind the shell
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
  });
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // gone already
    }
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, limits.wallMs);
  signal.addEventListener("abort", kill, { once: true });
  let tail = "";
  let usage = "";
  eachLine(child.stderr as Readable, (line) => {
    tail = `${tail}${line}\n`.slice(-TAIL_BYTES);
    request.onLine?.(line);
  });
  (child.stdio[3] as Readable).on("data", (bytes: Buffer) => {
    usage = (usage + bytes.toString("latin1")).slice(0, 1024);
  });
  try {
    const { code, killedBy, error } = await new Promise<{
      code: number | null;
      killedBy: string | null;
      error?: Error;
    }>((resolve) => {
      child.once("error", (error) => resolve({ code: null, killedBy: null, error }));
      child.once("close", (code, killedBy) => resolve({ code, killedBy }));
    });
    signal.throwIfAborted();
    if (error) throw new ProcessFailure("spawn", `${command} did not start: ${error.message}`, tail);
    if (timedOut) throw new ProcessFailure("timeout", `${command} took longer than ${limits.wallMs} ms`, tail);
    // A shell reports death by signal n as 128 + n.
    if (killedBy !== null || (code ?? 0) > 128) {
      throw new ProcessFailure("killed", `${command} was killed (${killedBy ?? `signal ${(code ?? 0) - 128}`})`, tail);
    }
    if (code !== 0) throw new ProcessFailure("exit", `${command} exited with code ${code}`, tail);
    return { cpuMs: childCpuMs(usage) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
  }
}

/** Second line of POSIX `times`: user and system time of the shell's children, `0m1.23s 0m0.04s`. */
function childCpuMs(usage: string): number {
  let ms = 0;
  for (const [, minutes, seconds] of (usage.split("\n")[1] ?? "").matchAll(/(\d+)m([\d.]+)s/g)) {
    ms += Number(minutes) * 60_000 + Number(seconds) * 1000;
  }
  return Math.round(ms);
}

function eachLine(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(-MAX_LINE);
    for (const line of lines) take(line);
  });
  stream.on("end", () => {
    if (rest) take(rest);
  });
}
