import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { HeimdexError } from "@heimdex/errors";
import { DEFAULT_LIMITS, type Limits, memoryIsLimited } from "./limits.ts";
import { MediaError } from "./media-error.ts";

/** Reads one of the child's output pipes to its end. A rejection kills the child and is what the run rejects with. */
export type PipeReader = (chunks: AsyncIterable<Buffer>) => Promise<void>;

export interface ChildOptions {
  /** Missing fields are filled from DEFAULT_LIMITS. */
  readonly limits?: Partial<Limits>;
  /** Output pipes by file descriptor: 1 is stdout, 4 to 9 are free (3 is the runner's own). */
  readonly pipes?: Readonly<Record<number, PipeReader>>;
  /** Lines the tool prints on stderr, whole and without their end. */
  readonly onLog?: (line: string) => void;
  /** Lines on descriptor 3, as `-progress pipe:3` writes them. */
  readonly onControl?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface ChildResult {
  /** User and system CPU time of the tool, in ms. */
  readonly cpuMs: number;
  readonly wallMs: number;
  /** The end of stderr, at most 4 KiB. */
  readonly logTail: string;
}

const TAIL_BYTES = 4096;
/** After the polite signal: ffmpeg needs a moment to stop, the shell to report the CPU time. */
const KILL_GRACE_MS = 1_500;

/** The shell sets limits that the tool inherits and cannot lift, waits for it, and reports what `times` (POSIX) counted for
 * it: that works for every tool, also for one that fails or is stopped. It outlives SIGTERM, the tool does not, because traps
 * that are not "ignore" are reset in children. `ulimit -v` fails where a lower hard limit holds already: that one stays. */
const SHELL = `trap : TERM
ulimit -c 0
if [ "$1" -gt 0 ]; then ulimit -v "$1"; fi 2>/dev/null
ulimit -f "$2" 2>/dev/null
shift 2
nice -n 10 "$@"
code=$?
times >&3
exit $code`;

/** Variables that a media tool needs; nothing else of this process's environment (keys, proxies) reaches it. */
const PASSED = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/** Runs a tool in a process group of its own, niced, within limits. Resolves when it ended with 0.
 * @param file program to run, found on PATH where it has no slash
 * @throws MediaError TIME_LIMIT | MEMORY_LIMIT | OUTPUT_LIMIT | DISK_FULL | TOOL_FAILED; HeimdexError NO_FFMPEG when there is
 * no such program; the signal's reason when aborted, after the whole group is gone */
export async function runChild(
  file: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  const { signal, pipes = {} } = options;
  signal?.throwIfAborted();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const started = performance.now();
  const memoryKiB = memoryIsLimited() ? Math.floor(limits.memoryBytes / 1024) : 0;
  const env: Record<string, string> = { LC_ALL: "C", AV_LOG_FORCE_NOCOLOR: "1", MALLOC_ARENA_MAX: "2" };
  for (const name of PASSED) if (process.env[name] !== undefined) env[name] = process.env[name];
  const last = Math.max(3, ...Object.keys(pipes).map(Number));
  const child = spawn(
    "/bin/sh",
    ["-c", SHELL, "sh", String(memoryKiB), String(Math.ceil(limits.fileBytes / 512)), file, ...args],
    {
      detached: true,
      env,
      stdio: Array.from({ length: last + 1 }, (_, fd) => (fd === 2 || fd === 3 || fd in pipes ? "pipe" : "ignore")),
    },
  );

  let ended: unknown;
  let killer: NodeJS.Timeout | undefined;
  const end = (reason: unknown): void => {
    if (killer !== undefined) return;
    ended = reason;
    killGroup(child, "SIGTERM");
    killer = setTimeout(() => killGroup(child, "SIGKILL"), KILL_GRACE_MS);
  };
  const limit = (reason: "TIME_LIMIT" | "OUTPUT_LIMIT", message: string, help: string) =>
    end(new MediaError(reason, message, { help }));
  const timer = setTimeout(
    () => limit("TIME_LIMIT", `${file} took longer than ${limits.wallMs} ms`, "Raise the stage's time limit."),
    limits.wallMs,
  );
  const onAbort = () => end(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });

  let received = 0;
  const counted = async function* (stream: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      received += (chunk as Buffer).length;
      if (received > limits.outputBytes) {
        limit("OUTPUT_LIMIT", `${file} put out more than ${limits.outputBytes} bytes`, "Raise the output limit.");
        return;
      }
      yield chunk as Buffer;
    }
  };

  let logTail = "";
  let cpuMs = 0;
  const work: Promise<void>[] = [
    eachLine(child.stdio[2] as Readable, (line) => {
      logTail = `${logTail}${line}\n`.slice(-TAIL_BYTES);
      options.onLog?.(line);
    }),
    eachLine(child.stdio[3] as Readable, (line) => {
      const times = /^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/.exec(line);
      // `times` prints the shell's own line first, then its children's: the later one stays.
      if (times !== null) cpuMs = Math.round(toMs(times[1], times[2]) + toMs(times[3], times[4]));
      else options.onControl?.(line);
    }),
    ...Object.entries(pipes).map(([fd, read]) => readPipe(child.stdio[Number(fd)] as Readable, counted, read)),
  ];
  for (const part of work) part.catch(end);
  try {
    const code = await exitCode(child);
    await Promise.allSettled(work);
    if (killer !== undefined) throw withRun(ended, logTail, cpuMs);
    if (code !== 0) throw failure(file, code, logTail, cpuMs, limits);
    return { cpuMs, wallMs: Math.round(performance.now() - started), logTail };
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    signal?.removeEventListener("abort", onAbort);
  }
}

const toMs = (minutes: string | undefined, seconds: string | undefined): number =>
  (Number(minutes) * 60 + Number(seconds)) * 1000;

/** A reader that stops early leaves the pipe closed: the tool sees EPIPE instead of waiting for ever. */
async function readPipe(
  stream: Readable,
  counted: (stream: Readable) => AsyncGenerator<Buffer>,
  read: PipeReader,
): Promise<void> {
  try {
    await read(counted(stream));
  } finally {
    stream.destroy();
  }
}

async function eachLine(stream: Readable, take: (line: string) => void): Promise<void> {
  let rest = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) {
    const lines = (rest + chunk).split(/[\r\n]/);
    // A tool may print megabytes without a line end; only the end of them matters.
    rest = (lines.pop() ?? "").slice(-TAIL_BYTES);
    for (const line of lines) if (line !== "") take(line);
  }
  if (rest !== "") take(rest);
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(
        new MediaError("TOOL_FAILED", `/bin/sh cannot be started: ${cause.message}`, {
          help: "Check the system.",
          cause,
        }),
      ),
    );
    child.once("exit", (code, name) => resolve(code ?? (name === "SIGXFSZ" ? SIGXFSZ_CODE : 128 + 9)));
  });
}

function killGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // gone in the meantime is what we want
  }
}

function withRun(reason: unknown, logTail: string, cpuMs: number): unknown {
  if (!(reason instanceof MediaError) || reason.logTail !== undefined) return reason;
  return new MediaError(reason.reason, reason.message, { help: reason.help, logTail, cpuMs, cause: reason.cause });
}

const NOT_FOUND_CODE = 127;
/** Shells report death by signal as 128 + number; SIGXFSZ is 25 on Linux and macOS. */
const SIGXFSZ_CODE = 128 + 25;

function failure(file: string, code: number, logTail: string, cpuMs: number, limits: Limits): Error {
  const run = { logTail, cpuMs };
  if (code === NOT_FOUND_CODE) return new HeimdexError("NO_FFMPEG", `${file} was not found`);
  if (code === SIGXFSZ_CODE || /File too large/.test(logTail))
    return new MediaError("OUTPUT_LIMIT", `${file} wrote a file of more than ${limits.fileBytes} bytes`, {
      help: "Raise the output limit.",
      ...run,
    });
  if (/No space left on device|Disk quota exceeded/.test(logTail))
    return new MediaError("DISK_FULL", `${file} found no space left on the disk`, { help: "Free some space.", ...run });
  if (/cannot allocate memory|memory exhausted|bad_alloc|failed to map segment/i.test(logTail))
    return new MediaError("MEMORY_LIMIT", `${file} needs more than ${limits.memoryBytes} bytes of memory`, {
      help: "Raise the memory limit if the file is to be trusted.",
      ...run,
    });
  const lastLine = logTail.trimEnd().split("\n").at(-1) ?? "";
  return new MediaError("TOOL_FAILED", `${file} ended with code ${code}${lastLine === "" ? "" : `: ${lastLine}`}`, {
    help: "See the tool's last lines.",
    ...run,
  });
}
