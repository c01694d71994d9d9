import { refusePlain, secretKeys } from "@heimdex/config";
import { z } from "zod";

const httpUrl = z.url({ protocol: /^https?$/ }).meta({ production: refusePlain });
const count = z.number().int().min(0).max(1_000);
const pool = z
  .strictObject({
    /** `projects/PROJECT/locations/REGION/workerPools/NAME` */
    name: z.string().regex(/^projects\/[^/]+\/locations\/[^/]+\/workerPools\/[^/]+$/),
    /** Names of the stages that its instances serve. */
    stages: z.array(z.string().min(1)).min(1),
    min: count,
    max: count,
    /** Steps of one stage that an instance has under way at once. */
    concurrency: count.min(1),
  })
  .refine(({ min, max }) => min <= max, { path: ["max"], message: "min is more than max" });
export type PoolConfig = z.output<typeof pool>;

/** Configuration of the autoscaler, from the environment. */
export const autoscalerConfig = z.object({
  /** `HEIMDEX_GATEWAY_URL`: where the gateway answers HTTP. */
  gatewayUrl: httpUrl,
  /** `HEIMDEX_MONITOR_KEY`: a key of the role monitor, of the tenant `default`. Of several, with white space between, the first is shown. */
  monitorKey: secretKeys(z.string()),
  /** `HEIMDEX_POOLS`: a JSON list of `{name, stages, min, max, concurrency}`. */
  pools: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch (reason) {
        context.addIssue({ code: "custom", message: `JSON is expected: ${(reason as Error).message}` });
        return z.NEVER;
      }
    })
    .pipe(z.array(pool).min(1)),
  /** `HEIMDEX_HOLD_MS`: a pool is made smaller no sooner than this after its last change. Default 5 minutes. */
  holdMs: z.coerce.number().int().min(0).max(86_400_000).default(300_000),
  /** `PORT`, as Cloud Run sets it. Default 8080. */
  port: z.coerce.number().int().min(0).max(65_535).default(8080).meta({ env: "PORT" }),
  /** `HEIMDEX_RUN_URL`: where Cloud Run's Admin API is. Default https://run.googleapis.com */
  runUrl: httpUrl.default("https://run.googleapis.com"),
  /** `GCE_METADATA_HOST`: HOST or HOST:PORT of the metadata server, as Google's own clients read it. Default metadata.google.internal */
  metadataHost: z.string().min(1).default("metadata.google.internal").meta({ env: "GCE_METADATA_HOST" }),
});
export type AutoscalerConfig = z.output<typeof autoscalerConfig>;
