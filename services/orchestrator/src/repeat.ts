/** Of the time between two runs, what chance adds or takes: replicas that started together do not go on together. */
const JITTER = 0.1;

export interface Repeated extends AsyncDisposable {
  /** Runs without waiting for the time; after a run that is under way, as that may have looked too early. */
  soon(): void;
}

/** Runs `work` every `everyMs`, more or less, after the end of its last run; never two at once. Disposing waits for the run under way. `work` must not reject. */
export function repeat(everyMs: number, work: () => Promise<void>): Repeated {
  let isStopped = false;
  let isRunning = false;
  let isDue = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const run = async () => {
    isRunning = true;
    do {
      isDue = false;
      await work();
    } while (isDue && !isStopped);
    isRunning = false;
    if (!isStopped) next();
  };
  const start = () => {
    running = run();
  };
  const next = () => {
    timer = setTimeout(start, everyMs * (1 + JITTER * (2 * Math.random() - 1)));
  };
  next();
  return {
    soon() {
      isDue = true;
      if (isRunning || isStopped) return;
      clearTimeout(timer);
      start();
    },
    async [Symbol.asyncDispose]() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
