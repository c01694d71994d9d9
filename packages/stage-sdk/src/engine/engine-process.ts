import { type ChildProcess, fork } from "node:child_process";
import { constants, getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { EngineError, EngineLost } from "./engine-error.ts";
import type { FromEngine, ToEngine } from "./protocol.ts";

/** For loading the models: from a cold disk, with all other services starting beside it. However short requests must be, this takes what it takes. */
const START_TIMEOUT_MS = 120_000;

export interface EngineOptions {
  /** Longest time for one request in ms; then the process is killed. Default 120 000. Starting may take that long whatever is set here. */
  readonly timeoutMs?: number;
  /** The process ends after this time without a request, in ms, and its memory is free again. Infinity: never. Default 60 000. */
  readonly idleMs?: number;
  /** Somebody waits for the answers: the process keeps the service's own priority. Default false: indexing comes after all else. */
  readonly urgent?: boolean;
}

/** An answer and the CPU time the process used since its last one, in ms. */
export interface Answer<Response> {
  readonly value: Response;
  readonly cpuMs: number;
}

interface Pending {
  readonly resolve: (answer: Answer<unknown>) => void;
  readonly reject: (error: Error) => void;
}

const TAIL_BYTES = 4096;

/** Native inference and picture decoding in a process of their own. `run()` of ONNX Runtime blocks its thread, and a crash
 * in native code ends its whole process, a worker thread's included: so neither happens in the service.
 *
 * The process starts with the first request, loads its models once, answers one request after the other, and is replaced
 * when it is gone. It never keeps the service alive. */
export class EngineProcess<Init, Request, Response> implements AsyncDisposable {
  readonly #entry: URL;
  readonly #init: Init;
  readonly #timeoutMs: number;
  readonly #idleMs: number;
  readonly #urgent: boolean;
  #running: RunningEngine | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  /** @param entry module that calls `hostEngine`
   * @param init given to its `start`; must survive structured clone */
  constructor(entry: URL, init: Init, options: EngineOptions = {}) {
    this.#entry = entry;
    this.#init = init;
    this.#timeoutMs = options.timeoutMs ?? 120_000;
    this.#idleMs = options.idleMs ?? 60_000;
    this.#urgent = options.urgent ?? false;
  }

  /** Process id while one runs. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Starts the process and loads its models, unless it runs.
   * @throws EngineError when it cannot load, EngineLost when it crashes over it */
  async start(signal?: AbortSignal): Promise<void> {
    await this.#inTurn(async () => this.#ready(), signal);
  }

  /** Sends a request when those before it are answered.
   * @throws EngineError the engine's own refusal; EngineLost when the process went; `signal.reason` when aborted (the
   * process finishes what it does, unheard) */
  async call(request: Request, signal?: AbortSignal): Promise<Answer<Response>> {
    return this.#inTurn(async () => {
      const running = await this.#ready();
      return (await running.ask("call", request, this.#timeoutMs)) as Answer<Response>;
    }, signal);
  }

  async #ready(): Promise<RunningEngine> {
    if (this.#running?.alive) return this.#running;
    const running = new RunningEngine(this.#entry, this.#urgent);
    this.#running = running;
    try {
      await running.ask("start", this.#init, Math.max(this.#timeoutMs, START_TIMEOUT_MS));
    } catch (error) {
      await running.end();
      throw error;
    }
    return running;
  }

  async #inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const mine = this.#turn.then(() => {
      signal?.throwIfAborted();
      clearTimeout(this.#idle);
      return work();
    });
    this.#turn = mine.then(
      () => this.#rest(),
      () => this.#rest(),
    );
    return signal === undefined ? mine : untilAborted(mine, signal);
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#idleMs === Number.POSITIVE_INFINITY) return;
    this.#idle = setTimeout(() => void this.#running?.end(), this.#idleMs).unref();
  }

  /** Ends the process. Twice is fine; a later request would start a new one. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    await this.#running?.end();
    this.#running = undefined;
  }
}

/** One child process from fork to exit. */
class RunningEngine {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #next = 0;
  #tail = "";
  #ended: "timeout" | "disposed" | undefined;
  alive = true;

  constructor(entry: URL, urgent: boolean) {
    const child = fork(fileURLToPath(entry), [], {
      serialization: "advanced",
      execArgv: [], // not the service's own: it may have been started with --eval or --inspect
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    const keepTail = (chunk: Buffer) => {
      this.#tail = (this.#tail + chunk.toString("utf8")).slice(-TAIL_BYTES);
    };
    child.stdout?.on("data", keepTail);
    child.stderr?.on("data", keepTail);
    child.on("message", (message) => this.#answered(message as FromEngine));
    this.#exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#lost(signal === null ? `exit code ${code}` : `signal ${signal}`, signal);
        resolve();
      });
      child.once("error", (error) => {
        this.#lost(error.message, null);
        if (child.pid === undefined) resolve();
      });
    });
    if (child.pid !== undefined && !urgent) lowerPriority(child.pid);
    this.#hold(false);
  }

  get pid(): number | undefined {
    return this.alive ? this.#child.pid : undefined;
  }

  ask(kind: ToEngine["kind"], payload: unknown, timeoutMs: number): Promise<Answer<unknown>> {
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<Answer<unknown>>();
    this.#pending.set(id, { resolve, reject });
    this.#hold(true);
    const timer = setTimeout(() => {
      this.#ended = "timeout";
      this.#child.kill("SIGKILL");
    }, timeoutMs);
    this.#child.send({ kind, id, payload } satisfies ToEngine, (error) => {
      // The exit that follows a closed channel says more than the channel's own error; it settles what is pending.
      if (error !== null && !this.alive) this.#lost(error.message, null);
    });
    return promise.finally(() => {
      clearTimeout(timer);
      if (this.#pending.size === 0) this.#hold(false);
    });
  }

  #answered(message: FromEngine): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.ok) pending?.resolve({ value: message.value, cpuMs: message.cpuMs });
    else pending?.reject(new EngineError(message.code, message.message));
  }

  #lost(what: string, signal: NodeJS.Signals | null): void {
    this.alive = false;
    const how = this.#ended === "timeout" ? "TIMEOUT" : signal === "SIGKILL" ? "KILLED" : "EXITED";
    for (const pending of this.#pending.values()) {
      pending.reject(new EngineLost(how, `The inference process ended before it answered (${what}).`, this.#tail));
    }
    this.#pending.clear();
  }

  /** Only a request that waits for its answer keeps the service's event loop alive. */
  #hold(on: boolean): void {
    const pipes = [this.#child.stdout, this.#child.stderr] as unknown as ({ ref(): void; unref(): void } | null)[];
    for (const handle of [this.#child, this.#child.channel, ...pipes]) {
      if (on) handle?.ref();
      else handle?.unref();
    }
  }

  async end(): Promise<void> {
    this.#ended ??= "disposed";
    this.alive = false;
    this.#child.kill("SIGKILL");
    this.#hold(true);
    await this.#exited;
  }
}

/** Indexing must not make the machine sluggish. A service that runs at a still lower priority passes that on: only root may raise it. */
function lowerPriority(pid: number): void {
  try {
    const wanted = constants.priority.PRIORITY_BELOW_NORMAL;
    if (getPriority(pid) < wanted) setPriority(pid, wanted);
  } catch (error) {
    // Node's SystemError: the system's own code is in `info`. ESRCH: it has ended already, which is found out elsewhere.
    const code = (error as { info?: { code?: string } }).info?.code ?? "";
    if (!["EACCES", "EPERM", "ESRCH"].includes(code)) throw error;
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  return promise;
}
