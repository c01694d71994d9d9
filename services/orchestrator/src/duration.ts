/** google.protobuf.Duration from ms. */
export const duration = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) });

/** Ms of a google.protobuf.Duration; 0 when it is absent. */
export const milliseconds = (value: { seconds: number; nanos: number } | undefined) =>
  value === undefined ? 0 : value.seconds * 1000 + value.nanos / 1e6;
