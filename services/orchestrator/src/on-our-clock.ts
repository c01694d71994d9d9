import type { SpanData } from "@heimdex/kernel";

/** Clocks of machines that are kept in step differ by less. */
const TOLERATED_MS = 2_000;

/** A worker's spans by the server's clock: as they are, unless some lie outside the attempt they are of. Then the worker's clock is off, and all are moved
 * together so that the last ends when the attempt did. Times are Unix ms.
 * @param fromMs when the lease was granted, by the server's clock
 * @param untilMs when its end was heard */
export function onOurClock(spans: readonly SpanData[], fromMs: number, untilMs: number): SpanData[] {
  const firstMs = Math.min(...spans.map(({ startMs }) => startMs));
  const lastMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs));
  if (firstMs >= fromMs - TOLERATED_MS && lastMs <= untilMs + TOLERATED_MS) return [...spans];
  return spans.map((span) => ({ ...span, startMs: span.startMs + (untilMs - lastMs) }));
}
