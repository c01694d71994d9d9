import { createHash } from "node:crypto";
import type { Stored } from "./blobs.ts";

/** How much may come, and what is thrown when more does. */
export interface Bound {
  readonly maxBytes: number;
  readonly tooLarge: () => Error;
}

/** Reads a stream to its end, hashing it on the way: what every store does with what it is given.
 * @param take gets each chunk before the next is asked for; undefined: only hash
 * @throws what the stream or `take` throws, signal.reason, `tooLarge()` once more than `maxBytes` came */
export async function receive(
  bytes: AsyncIterable<Uint8Array>,
  { maxBytes, tooLarge }: Bound,
  take: ((chunk: Uint8Array) => Promise<void>) | undefined,
  signal: AbortSignal | undefined,
): Promise<Stored> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of abortable(bytes, signal)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    hash.update(chunk);
    await take?.(chunk);
  }
  signal?.throwIfAborted();
  return { sha256: hash.digest("hex"), size };
}

/** Reads a stream to its end or until `signal` aborts, even while it waits for a chunk; then its source is told to end.
 * @throws signal.reason, and what the stream throws */
async function* abortable(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  let giveUp: (reason: unknown) => void = () => {};
  const onAbort = () => giveUp(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let isDone = false;
  try {
    for (;;) {
      // A promise for each chunk: racing all of them against one of the whole stream would keep every one of them until the end.
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = reject;
        if (signal?.aborted) reject(signal.reason);
        else source.next().then(resolve, reject);
      });
      if (next.done) {
        isDone = true;
        return;
      }
      yield next.value;
    }
  } catch (error) {
    if (!signal?.aborted) isDone = true; // the source itself failed: there is nothing left to end
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (!isDone) {
      const ended = source.return?.();
      // A source stuck in its own wait cannot end before that wait does; the caller is not kept for it.
      if (signal?.aborted) ended?.catch(() => undefined);
      else await ended;
    }
  }
}
