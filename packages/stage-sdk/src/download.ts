import { setTimeout as wait } from "node:timers/promises";
import { backoffMs } from "./backoff.ts";
import { StageFailure } from "./failure.ts";

/** Failures in a row, without a byte between them, after which a download is given up. */
const MAX_FAILURES = 4;

/** The bytes behind a signed URL. A connection that breaks is taken up where it broke, by a range request.
 * Rejects with a StageFailure INPUT_UNAVAILABLE (RETRYABLE) when that does not help, or with the signal's reason. */
export async function* download(url: string, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let done = 0;
  let failures = 0;
  while (done < size || (size === 0 && failures === 0)) {
    try {
      const response = await fetch(url, { signal, headers: done > 0 ? { range: `bytes=${done}-` } : {} });
      if (!response.ok || (done > 0 && response.status !== 206)) {
        await response.body?.cancel();
        throw new HttpStatus(response.status);
      }
      for await (const part of response.body ?? []) {
        done += part.length;
        failures = 0;
        yield part;
      }
      if (done >= size) return;
      throw new Error(`the connection ended after ${done} of ${size} bytes`);
    } catch (reason) {
      signal.throwIfAborted();
      failures += 1;
      if (failures >= MAX_FAILURES || (reason instanceof HttpStatus && reason.final)) throw unavailable(reason);
      await wait(backoffMs(failures), undefined, { signal });
    }
  }
}

class HttpStatus extends Error {
  readonly #status: number;

  constructor(status: number) {
    super(`HTTP status ${status}`);
    this.#status = status;
  }

  /** Another try would be answered the same way: the lease has ended, or the bytes are gone. */
  get final(): boolean {
    return this.#status < 500 && this.#status !== 408 && this.#status !== 429;
  }
}

function unavailable(cause: unknown): StageFailure {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StageFailure("RETRYABLE", "INPUT_UNAVAILABLE", `An input could not be read: ${message}`, {
    help: "It is tried again. Check that the worker reaches the server's HTTP address.",
    cause,
  });
}
