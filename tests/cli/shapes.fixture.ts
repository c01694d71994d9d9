import { z } from "zod";

const ms = z.number().min(0);
const stage = z.strictObject({
  stage: z.string().min(1),
  state: z.enum(["OK", "EMPTY", "CACHED", "SKIPPED", "FAILED"]),
  reason: z.string(),
  wall_ms: ms,
  cpu_ms: ms,
  cause: z.string(),
});
export const indexShape = z.strictObject({
  assets: z.array(
    z.strictObject({
      asset: z.string(),
      source: z.string().min(1),
      job: z.string(),
      state: z.enum(["SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED"]),
      reason: z.string(),
      duration_ms: ms,
      wall_ms: ms,
      stages: z.array(stage),
    }),
  ),
});
export type IndexDocument = z.output<typeof indexShape>;

export const searchShape = z.strictObject({
  query: z.string(),
  results: z.array(
    z.strictObject({
      asset: z.string().min(1),
      moment: z.string().min(1),
      source: z.string().min(1),
      start_ms: ms,
      end_ms: ms,
      at_ms: ms,
      score: z.number(),
      snippet: z.string(),
      // None in a list; `where` has no place in an order.
      why: z.array(
        z.strictObject({
          channel: z.string(),
          rank: z.int().min(0),
          score: z.number(),
          matched: z.array(z.string()),
        }),
      ),
    }),
  ),
  took_ms: ms,
  degraded: z.boolean(),
  facets: z.array(z.strictObject({ field: z.string().min(1), value: z.string(), moments: z.int().min(1) })),
});

export const planShape = z.strictObject({
  steps: z.array(
    z.strictObject({
      stage: z.string().min(1),
      action: z.enum(["RUN", "CACHED", "SKIPPED", "UNKNOWN"]),
      why: z.string().min(1),
      estimate_ms: ms,
      samples: z.int().min(0),
    }),
  ),
});

export const rerunShape = z.strictObject({
  dry_run: z.boolean(),
  assets: z.int(),
  reruns: z.int(),
  up_to_date: z.int(),
  missing: z.int(),
  stages: z.array(
    z.strictObject({
      ...{ stage: z.string().min(1), run: z.int(), cached: z.int(), skipped: z.int(), unknown: z.int() },
      estimate_ms: ms,
      samples: z.int(),
      causes: z.array(z.strictObject({ why: z.string().min(1), assets: z.int().min(1) })),
    }),
  ),
  failed: indexShape.shape.assets,
});

export const traceShape = z.strictObject({
  trace_id: z.string().regex(/^[0-9a-f]{32}$/),
  spans: z.array(
    z.strictObject({
      name: z.string().min(1),
      service: z.string().min(1),
      span_id: z.string().regex(/^[0-9a-f]{16}$/),
      parent_id: z.string().regex(/^([0-9a-f]{16})?$/),
      start_ms: ms,
      duration_ms: ms,
      attributes: z.record(z.string(), z.string()),
    }),
  ),
});

export const errorShape = z.object({
  error: z.object({ id: z.string().regex(/^[A-Z_]+$/), message: z.string().min(1), help: z.string() }),
});

export const demoShape = z.object({
  ok: z.boolean(),
  assets: indexShape.shape.assets,
  questions: z.array(
    z.object({ kind: z.string(), query: z.string(), right: z.boolean(), words_alone: z.int(), answer: searchShape }),
  ),
  seen: z.strictObject({ faces: z.int(), face_groups: z.int(), things: z.array(z.string()) }),
  sidecar: z.string().min(1),
  models: z.array(z.string()),
});
