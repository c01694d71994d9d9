import type { Duration } from "@heimdex/contracts/google/protobuf/duration";

/** ms as google.protobuf.Duration. */
export function durationOf(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** google.protobuf.Duration in ms; `otherwise` where none was sent. */
export function msOf(duration: Duration | undefined, otherwise: number): number {
  return duration === undefined ? otherwise : duration.seconds * 1000 + duration.nanos / 1e6;
}
