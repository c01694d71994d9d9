import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { FromWorker, ToWorker } from "./worker.fixture.ts";

const WORKER = fileURLToPath(new URL("./worker.fixture.ts", import.meta.url));
const PATIENCE_MS = 60_000;

export interface WorkerOptions {
  /** Attempts side by side. Default 1. */
  readonly slots?: number;
  /** Sessions in one process: as many workers as the server can tell. Default 1. */
  readonly sessions?: number;
  /** Modules that are loaded first. */
  readonly imports?: readonly string[];
}

/** A worker on the SDK in a process of its own. */
export class Worker {
  readonly heard: FromWorker[] = [];
  readonly #child: ChildProcess;
  readonly #events = new EventEmitter();

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message: FromWorker) => {
      this.heard.push(message);
      this.#events.emit("heard");
    });
  }

  /** Starts one for the length of a test at most. It registers by itself. */
  static start(t: TestContext, orchestrator: string, options: WorkerOptions = {}): Worker {
    const child = fork(WORKER, [String(options.slots ?? 1), String(options.sessions ?? 1)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      execArgv: (options.imports ?? []).flatMap((module) => ["--import", module]),
      env: {
        ...process.env,
        HEIMDEX_ORCHESTRATOR: orchestrator,
        HEIMDEX_LOG_LEVEL: process.env.HEIMDEX_LOG_LEVEL ?? "silent",
      },
    });
    const worker = new Worker(child);
    t.after(() => worker.kill());
    return worker;
  }

  /** Waits until the worker has said something of a film. */
  async until(film: string, what: FromWorker["what"]): Promise<FromWorker> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const found = this.heard.find((message) => message.film === film && message.what === what);
      if (found !== undefined) return found;
      await once(this.#events, "heard", { signal: patience });
    }
  }

  /** Lets a film go on that waits. */
  go(film: string): void {
    this.#child.send({ film } satisfies ToWorker);
  }

  /** Stops the process where it stands: to everybody else it is frozen. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  wake(): void {
    this.#child.kill("SIGCONT");
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when the process has ended. */
  async end(): Promise<void> {
    if (!this.ended) await once(this.#child, "exit");
  }

  async kill(): Promise<void> {
    if (this.ended) return;
    this.#child.kill("SIGKILL");
    await this.end();
  }
}
