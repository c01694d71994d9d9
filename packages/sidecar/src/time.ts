import { z } from "zod";

/** Milliseconds from the start of the asset's presentation timeline. */
export const milliseconds = z.int().min(0).max(4_294_967_295);

/** Half-open span `[start_ms, end_ms)`; `end_ms` may equal `start_ms` only for an instant such as a single frame. */
export const spanShape = {
  start_ms: milliseconds.meta({ description: "First millisecond of the span, inclusive.", examples: [12_480] }),
  end_ms: milliseconds.meta({ description: "End of the span in milliseconds, exclusive.", examples: [15_920] }),
};

export const rational = z
  .object({
    num: z
      .int()
      .min(0)
      .meta({ description: "Numerator.", examples: [1] }),
    den: z
      .int()
      .min(1)
      .meta({ description: "Denominator.", examples: [90_000] }),
  })
  .meta({ id: "Rational", description: "A fraction, as containers state time bases and frame rates." });
export type Rational = z.infer<typeof rational>;

/** The same span on the stream's own clock: exact where milliseconds round. */
export const ptsShape = {
  start_pts: z
    .int()
    .optional()
    .meta({
      description: "Start on the stream's own clock, in units of `time_base`. Inclusive.",
      examples: [1_123_200],
    }),
  end_pts: z
    .int()
    .optional()
    .meta({
      description: "End on the stream's own clock, in units of `time_base`. Exclusive.",
      examples: [1_432_800],
    }),
  time_base: rational.optional().meta({
    description: "Seconds per unit of `start_pts` and `end_pts`.",
    examples: [{ num: 1, den: 90_000 }],
  }),
};
