import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";

/** A source that drops the line so often in a row, without a byte in between, is given up. */
const MAX_DROPS = 4;
const FIRST_PAUSE_MS = 250;

/** Bytes `start` to `end` of a source far away. A line that drops is taken up again where it dropped: who reads, such as ffmpeg, would take what it got for the
 * whole.
 * @param first the bytes from `start` on, opened already
 * @param open the bytes from `at` on; rejects with SOURCE_UNAVAILABLE where another try makes sense
 * @param from makes an error of ours of what broke the line */
export async function* readOn(
  first: AsyncIterable<Uint8Array>,
  { start, end }: { readonly start: number; readonly end: number },
  open: (at: number) => Promise<AsyncIterable<Uint8Array>>,
  from: (reason: unknown) => HeimdexError,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let line: AsyncIterable<Uint8Array> | undefined = first;
  for (let at = start, drops = 0; at < end; ) {
    try {
      line ??= await open(at);
      for await (const chunk of line) {
        const wanted = chunk.subarray(0, end - at);
        at += wanted.length;
        drops = 0;
        yield wanted;
        if (at === end) return;
      }
      throw new HeimdexError("SOURCE_UNAVAILABLE", `the source ended at byte ${at}, and not at ${end}`);
    } catch (reason) {
      signal?.throwIfAborted();
      const error = from(reason);
      if (error.id !== "SOURCE_UNAVAILABLE" || ++drops > MAX_DROPS) throw error;
      line = undefined;
      await delay(FIRST_PAUSE_MS * 2 ** (drops - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
}
