import { type ProductionRule, refusePlain, SECRET, secret } from "@heimdex/config";
import { z } from "zod";

/** A bucket that films are read from. */
const s3Source = z.strictObject({
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
  /** Only what lies below it; `{tenant}` stands for each tenant's name. Default: all of the bucket. */
  prefix: z.string().default(""),
  /** Default: AWS. */
  endpoint: z.url({ protocol: /^https?$/ }).default("https://s3.amazonaws.com"),
  region: z.string().min(1).default("us-east-1"),
  access_key: z.string().min(1),
  secret_key: secret(),
  /** Tenants that may name what lies there; `*`: all. */
  tenants: z.array(z.string()).default(["default"]),
});
export type S3SourceSettings = z.output<typeof s3Source>;

const HOST = /^(\[[0-9a-f:]+\]|[a-z0-9._-]+)(:\d{1,5})?$/;

const plainEndpoints: ProductionRule = (value, beside, isOwn) =>
  refusePlain((value as readonly S3SourceSettings[]).map(({ endpoint }) => endpoint).join(","), beside, isOwn);

/** Where films may be read from besides files, the same for gateway and orchestrator: `HEIMDEX_SOURCES_PRIVATE_HOSTS`, `HEIMDEX_SOURCES_MAX_BYTES`,
 * `HEIMDEX_SOURCES_S3_FILE`. */
export const sourcesConfig = z
  .strictObject({
    /** Hosts of one's own that `https://` and `http://` sources of the tenant `default` may be on although their addresses are private, with commas between: `nas.local`, or
     * `nas.local:8080` for that port alone. Default: none. */
    privateHosts: z
      .string()
      .toLowerCase()
      .default("")
      .transform((list) => list.split(",").filter((host) => host !== ""))
      .pipe(z.array(z.string().regex(HOST, "HOST or HOST:PORT, with commas between"))),
    /** Largest film that is read from `https://`, bytes. Default 256 GiB. */
    maxBytes: z.coerce
      .number()
      .int()
      .min(1)
      .default(256 * 1024 ** 3),
    /** Buckets that films are read from, with their keys: a JSON list of `{"bucket", "prefix", "endpoint", "region", "access_key", "secret_key", "tenants"}`.
     * Default: none. */
    s3: z
      .string()
      .default("[]")
      .transform((text, context): unknown => {
        try {
          return JSON.parse(text.trim() === "" ? "[]" : text);
        } catch {
          // What a secret is never shows, not even in part.
          context.addIssue({ code: "custom", message: "JSON is expected" });
          return z.NEVER;
        }
      })
      .pipe(z.array(s3Source))
      .meta({ ...SECRET, production: plainEndpoints }),
  })
  .prefault({});
export type SourcesConfig = z.output<typeof sourcesConfig>;
