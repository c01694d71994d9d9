import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { reap } from "./reap.ts";

/** A process of a benchmark that takes orders over its IPC channel, and answers each with one message. `failed` is an answer to every order. */
export class Child<Order, Answer extends { readonly kind: string }> {
  readonly #process: ChildProcess;

  constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  ask<K extends Answer["kind"]>(order: Order, kind: K): Promise<Answer & { kind: K }> {
    this.#process.send(order as object);
    return this.answer(kind);
  }

  /** The next message. Rejects when it is another one, or the process ends. */
  async answer<K extends Answer["kind"]>(kind: K): Promise<Answer & { kind: K }> {
    const child = this.#process;
    const gone = new AbortController();
    const onExit = () => gone.abort(new Error(`${child.spawnargs.slice(1).join(" ")} ended unexpectedly`));
    child.once("exit", onExit);
    try {
      const [answer] = (await once(child, "message", { signal: gone.signal })) as [Answer];
      if (answer.kind === "failed") throw new Error((answer as unknown as { message: string }).message);
      if (answer.kind !== kind) throw new Error(`expected ${kind}, got ${answer.kind}`);
      return answer as Answer & { kind: K };
    } catch (reason) {
      throw gone.signal.aborted ? gone.signal.reason : reason;
    } finally {
      child.off("exit", onExit);
    }
  }

  /** Ends it as by `kill -9`. */
  async kill(): Promise<void> {
    if (this.#ended) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    const ended = once(this.#process, "exit");
    if (this.#process.connected) this.#process.disconnect();
    this.#process.kill("SIGTERM");
    await ended;
  }

  get #ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** Processes of a benchmark, which end with it. */
export class Children implements AsyncDisposable {
  readonly #base: string;
  readonly #stack = new AsyncDisposableStack();

  /** @param base module whose folder their programs lie in: `import.meta.url` */
  constructor(base: string) {
    this.#base = base;
  }

  start<Order, Answer extends { readonly kind: string }>(
    file: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Child<Order, Answer> {
    const path = fileURLToPath(new URL(file, this.#base));
    const forked = fork(path, args, { env: { ...process.env, ...env }, execPath: process.execPath });
    reap(forked);
    const child = new Child<Order, Answer>(forked);
    this.#stack.defer(() => child.stop());
    return child;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
