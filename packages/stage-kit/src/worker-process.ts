import { type ChildProcess, spawn } from "node:child_process";

const TAIL_CHARACTERS = 4_000;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The command under test as a process in a group of its own. */
export class WorkerProcess implements AsyncDisposable {
  readonly startedAtMs = performance.now();
  readonly #child: ChildProcess;
  readonly #ended: Promise<Exit>;
  #exit: Exit | undefined;
  #tail = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.#exit = exit;
        resolve(exit);
      };
      child.once("exit", (code, signal) => end({ code, signal }));
      child.once("error", (reason) => {
        this.#tail += reason.message;
        end({ code: null, signal: null });
      });
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#tail = (this.#tail + text).slice(-TAIL_CHARACTERS);
      });
  }

  /** @param env what it gets besides this process's own environment */
  static start(command: readonly string[], cwd: string | undefined, env: NodeJS.ProcessEnv): WorkerProcess {
    const [program = "", ...args] = command;
    return new WorkerProcess(
      spawn(program, args, {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
        ...(cwd === undefined ? {} : { cwd }),
      }),
    );
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  get ended(): Promise<Exit> {
    return this.#ended;
  }

  /** The end of what it wrote to stdout and stderr. */
  get tail(): string {
    return this.#tail.trim();
  }

  /** SIGTERM to the process itself, as a supervisor sends it. */
  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  /** Ends it and what it started, at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch (reason) {
        if ((reason as NodeJS.ErrnoException).code !== "ESRCH") throw reason;
      }
    }
    await this.#ended;
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.destroy();
  }
}

/** How a process ended, in words. */
export function exitText({ code, signal }: Exit): string {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? "could not be started" : `ended with exit code ${code}`;
}
