import type { Log } from "@heimdex/telemetry";

/** How long a process that should have ended may hang before it is ended. */
const FORCE_EXIT_MS = 1_000;

/** What ends a worker process from outside. */
export interface Shutdown extends Disposable {
  readonly signal: AbortSignal;
  /** The process that started this one is gone: there is nobody to be graceful to. */
  readonly orphaned: boolean;
}

/** Watches for SIGTERM and SIGINT (a second one kills at once), and with HEIMDEX_SUPERVISED=1 for the end of stdin, which is the only thing a supervisor
 * that was killed by SIGKILL still says. */
export function watchShutdown(log: Log, supervised: boolean): Shutdown {
  const stop = new AbortController();
  let orphaned = false;
  const onSignal = (name: NodeJS.Signals): void => {
    log.info({ signal: name }, "stopping");
    // With our listeners gone the next signal has its usual effect.
    for (const each of ["SIGTERM", "SIGINT"] as const) process.removeListener(each, onSignal);
    stop.abort();
  };
  const onParentGone = (): void => {
    if (orphaned) return;
    orphaned = true;
    log.warn("the supervisor is gone: stopping");
    stop.abort();
    setTimeout(() => process.exit(1), FORCE_EXIT_MS).unref();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  if (supervised) {
    for (const event of ["end", "close", "error"] as const) process.stdin.on(event, onParentGone);
    process.stdin.resume();
  }
  return {
    signal: stop.signal,
    get orphaned() {
      return orphaned;
    },
    [Symbol.dispose]() {
      for (const each of ["SIGTERM", "SIGINT"] as const) process.removeListener(each, onSignal);
      if (!supervised) return;
      for (const event of ["end", "close", "error"] as const) process.stdin.removeListener(event, onParentGone);
      process.stdin.pause();
      process.stdin.unref?.();
    },
  };
}

/** Ends the process soon, should anything a stage left behind keep it alive. */
export function exitSoon(): void {
  process.exitCode ??= 0;
  setTimeout(() => process.exit(), FORCE_EXIT_MS).unref();
}
