import { CommanderError } from "commander";
import type { Context } from "./context.ts";
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE } from "./exit-code.ts";
import { createProgram } from "./program.ts";
import { Terminal } from "./ui/terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Why a command was told to stop. */
class Stopped extends Error {
  override readonly name = "AbortError";
  readonly by: NodeJS.Signals | "EPIPE";

  constructor(by: NodeJS.Signals | "EPIPE") {
    super(by === "EPIPE" ? "nobody reads the output any more" : `stopped by ${by}`);
    this.by = by;
  }
}

/** Runs the command line and sets the process's exit code. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const { stdout, stderr, env } = process;
  const terminal = new Terminal({ json: options.includes("--json"), stdout, stderr, env });
  const stop = new AbortController();
  watchPipes(stop);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const onSignal = (name: NodeJS.Signals) => {
    // The next one has its usual effect: at once.
    for (const each of signals) process.removeListener(each, onSignal);
    stop.abort(new Stopped(name));
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    process.exitCode = await execute(argv, { terminal, env, signal: stop.signal });
  } catch (reason) {
    process.exitCode = await explain(reason, terminal, stop.signal);
  } finally {
    terminal.live?.close();
    for (const name of signals) process.removeListener(name, onSignal);
  }
}

async function execute(argv: readonly string[], context: Omit<Context, "data" | "endpoint">): Promise<number> {
  let code = EXIT_OK;
  const program = createProgram(async (load, args, { data, endpoint: named }) => {
    const command = await load();
    const endpoint =
      named === undefined && !context.env.HEIMDEX_ENDPOINT
        ? undefined // most commands: what reads configuration is not even loaded
        : (await import("./endpoint.ts")).endpointOf(named, data, context.env);
    code = (await command({ ...context, data, endpoint }, ...args)) ?? EXIT_OK;
  });
  await program.parseAsync(argv, { from: "user" });
  return code;
}

async function explain(reason: unknown, terminal: Terminal, signal: AbortSignal): Promise<number> {
  if (reason instanceof CommanderError) {
    // It has printed its message already. Help that was asked for is no error.
    if (reason.exitCode === 0) return EXIT_OK;
    const message = reason.message.replace(/^error: /, "");
    terminal.document({
      error: { id: "INVALID_ARGUMENT", message, help: "`heimdex --help` shows how commands are called." },
    });
    return EXIT_USAGE;
  }
  if (signal.aborted) {
    const stopped = signal.reason as Stopped;
    if (stopped.by === "EPIPE") return EXIT_OK;
    if (
      reason === stopped ||
      (reason as Error | undefined)?.name === "AbortError" ||
      (reason as { id?: string }).id === "CANCELLED"
    ) {
      if (!terminal.documented)
        terminal.document({ error: { id: "CANCELLED", message: stopped.message, help: "Run it again." } });
      return EXIT_INTERRUPTED;
    }
  }
  const { errorLines, errorDocument } = await import("./error-report.ts");
  for (const line of errorLines(reason, terminal.noteStyle, process.env)) terminal.note(line);
  if (!terminal.documented) terminal.document({ error: errorDocument(reason) });
  return reason instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}

/** `heimdex … | head` ends quietly: what is written into a closed pipe is dropped, and the command is told to stop. */
function watchPipes(stop: AbortController): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (reason: NodeJS.ErrnoException) => {
      if (reason.code !== "EPIPE" && reason.code !== "ERR_STREAM_DESTROYED") throw reason;
      if (stream === process.stdout && !stop.signal.aborted) stop.abort(new Stopped("EPIPE"));
    });
  }
}
