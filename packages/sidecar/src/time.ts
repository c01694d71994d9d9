import { z } from "zod";

/** Milliseconds from the start of the asset's presentation timeline, or a length in them. Unsigned 32 bits: 49 days. */
export const milliseconds = z.int().min(0).max(4_294_967_295).meta({ "x-unit": "ms" });

/** Half-open span `[start_ms, end_ms)`; `end_ms` may equal `start_ms` only for an instant such as a single frame. */
export const spanShape = {
  start_ms: milliseconds.meta({ description: "First millisecond of the span, inclusive.", examples: [12_480] }),
  end_ms: milliseconds.meta({ description: "End of the span in milliseconds, exclusive.", examples: [15_920] }),
};

export const rational = z
  .looseObject({
    num: z
      .int()
      .min(0)
      .meta({ description: "Numerator.", examples: [1], "x-unit": "count" }),
    den: z
      .int()
      .min(1)
      .meta({ description: "Denominator.", examples: [90_000], "x-unit": "count" }),
  })
  .meta({
    id: "Rational",
    description: "A fraction, as containers state time bases and frame rates.",
    examples: [{ num: 1, den: 90_000 }],
  });
export type Rational = z.infer<typeof rational>;

/** The same span on the stream's own clock: exact where milliseconds round. All three, or none. */
export const ptsShape = {
  start_pts: z
    .int()
    .optional()
    .meta({
      description: "Start on the stream's own clock, in units of `time_base`. Inclusive.",
      examples: [1_123_200],
      "x-unit": "time_base",
    }),
  end_pts: z
    .int()
    .optional()
    .meta({
      description: "End on the stream's own clock, in units of `time_base`. Exclusive.",
      examples: [1_432_800],
      "x-unit": "time_base",
    }),
  time_base: rational.optional().meta({
    description: "Seconds per unit of `start_pts` and `end_pts`.",
    examples: [{ num: 1, den: 90_000 }],
  }),
};
