/** Of the time between two runs, what chance adds or takes: replicas that started together do not go on together. */
const JITTER = 0.1;

/** Runs `work` every `everyMs`, more or less, after the end of its last run; never two at once. Disposing waits for the run under way. `work` must not reject. */
export function repeat(everyMs: number, work: () => Promise<void>): AsyncDisposable {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const next = () => {
    timer = setTimeout(
      () => {
        running = work().then(() => {
          if (!stopped) next();
        });
      },
      everyMs * (1 + JITTER * (2 * Math.random() - 1)),
    );
  };
  next();
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
