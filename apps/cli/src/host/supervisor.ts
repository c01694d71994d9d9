import { type ChildProcess, spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import type { Log } from "@heimdex/telemetry";
import { LogFile } from "./log-file.ts";
import type { StageService } from "./stage-services.ts";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** V8 lets each of its semi-spaces grow to 16 MiB while a program allocates much: a service that works on a film of an hour held 30 MiB more than one that
 * works on a minute, and was no faster. */
const YOUNG_GENERATION = "--max-semi-space-size=4";
/** A service that lived this long has recovered: its next pause is the first again. */
const RECOVERED_AFTER_MS = 60_000;
const GRACE_MS = 12_000;

/** Keeps the stage services running as child processes of low priority: starts them again when they end, with growing pauses, and takes them along when it goes. Their
 * standard input is a pipe that closes with this process, however it ends: they leave then too. */
export class Supervisor implements AsyncDisposable {
  #env: NodeJS.ProcessEnv;
  readonly #logFolder: string;
  readonly #log: Log;
  readonly #children = new Map<string, ChildProcess>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #restarting = new WeakSet<ChildProcess>();
  readonly #logs: LogFile[] = [];
  #stopping = false;

  constructor(options: { env: NodeJS.ProcessEnv; logFolder: string; log: Log }) {
    this.#env = options.env;
    this.#logFolder = options.logFolder;
    this.#log = options.log;
  }

  start(service: StageService): void {
    const log = new LogFile(join(this.#logFolder, `${service.name}.log`));
    this.#logs.push(log);
    this.#spawn(service, log, FIRST_PAUSE_MS);
  }

  /** For services that start from now on. */
  setEnv(env: NodeJS.ProcessEnv): void {
    this.#env = env;
  }

  /** Ends a service, which lets running attempts come to their end for a while and hands the others back, and starts it again at once. One that is down
   * between two starts is left to its next start. */
  restart(name: string): void {
    const child = this.#children.get(name);
    if (child === undefined) return;
    this.#restarting.add(child);
    void this.#end(child);
  }

  /** Times in a row that a service ended by itself without having recovered. */
  failures(name: string): number {
    return this.#failures.get(name) ?? 0;
  }

  /** Process ids by service. */
  get pids(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#children].flatMap(([name, child]) => (child.pid === undefined ? [] : [[name, child.pid]])),
    );
  }

  #spawn(service: StageService, log: LogFile, pauseMs: number): void {
    if (this.#stopping) return;
    const startedAtMs = Date.now();
    const child = spawn(process.execPath, [YOUNG_GENERATION, service.main], {
      env: { ...this.#env, HEIMDEX_SUPERVISED: "1" },
      stdio: ["pipe", "pipe", "pipe"],
      // In a group of its own, Ctrl-C in the terminal reaches the host only, which may stay for others.
      detached: true,
    });
    this.#children.set(service.name, child);
    child.stdin.on("error", (reason) =>
      this.#log.debug({ err: reason, service: service.name }, "the pipe to a service closed"),
    );
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => log.write(chunk));
    if (child.pid !== undefined) this.#lowerPriority(service, child.pid);
    let ended = false;
    const onEnd = (why: string) => {
      if (ended) return;
      ended = true;
      this.#children.delete(service.name);
      if (this.#stopping) return;
      if (this.#restarting.has(child)) {
        this.#failures.delete(service.name);
        this.#spawn(service, log, FIRST_PAUSE_MS);
        return;
      }
      const recovered = Date.now() - startedAtMs >= RECOVERED_AFTER_MS;
      this.#failures.set(service.name, recovered ? 1 : this.failures(service.name) + 1);
      const pause = recovered ? FIRST_PAUSE_MS : pauseMs;
      this.#log.error({ service: service.name, why, again_in_ms: pause }, "a stage service ended; it is started again");
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#spawn(service, log, Math.min(pause * 2, LONGEST_PAUSE_MS));
      }, pause);
      this.#timers.add(timer);
    };
    child.once("error", (reason) => onEnd(reason.message));
    child.once("exit", (code, signal) => onEnd(signal ?? `exit code ${code}`));
  }

  /** Where the system does not allow it, or the child has ended already, things go on as they are. */
  #lowerPriority(service: StageService, pid: number): void {
    try {
      setPriority(pid, constants.priority.PRIORITY_LOW);
    } catch (reason) {
      this.#log.debug({ err: reason, service: service.name }, "a service's priority could not be lowered");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([...this.#children.values()].map((child) => this.#end(child)));
    for (const log of this.#logs) log[Symbol.dispose]();
  }

  #end(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      const force = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      child.once("exit", () => {
        clearTimeout(force);
        resolve();
      });
      child.kill("SIGTERM");
    });
  }
}
