import { z } from "zod";

/** How much a caller may ask of one gateway: `HEIMDEX_LIMITS_REQUESTS_PER_SECOND`, `HEIMDEX_LIMITS_BURST`, `HEIMDEX_LIMITS_ACTIVE_JOBS`,
 * `HEIMDEX_LIMITS_UPLOAD_BYTES`, `HEIMDEX_LIMITS_OPEN_UPLOADS`. */
export const limitsConfig = z
  .strictObject({
    /** Calls of one key a second, on each replica; looked at where keys are asked for. 0: no limit. Default 100. */
    requestsPerSecond: z.coerce.number().min(0).max(1_000_000).default(100),
    /** Calls of one key that may come at once after a pause. Default 500. */
    burst: z.coerce.number().int().min(1).max(1_000_000).default(500),
    /** Jobs of one tenant that have not ended, beyond which no further one is taken. 0: no limit. Default 10,000. */
    activeJobs: z.coerce.number().int().min(0).default(10_000),
    /** Largest film that is uploaded, bytes. 0: no limit. Default 256 GiB. */
    uploadBytes: z.coerce
      .number()
      .int()
      .min(0)
      .default(256 * 1024 ** 3),
    /** Uploads of one tenant whose bytes are still to come, beyond which no further one is taken. 0: no limit. Default 1,000. */
    openUploads: z.coerce.number().int().min(0).default(1_000),
  })
  .prefault({});
export type LimitsConfig = z.output<typeof limitsConfig>;
