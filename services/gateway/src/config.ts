import { authConfig, limitsConfig, monitorKeyConfig, tlsConfig } from "@heimdex/access";
import { refusePlain, secretKeys } from "@heimdex/config";
import { sourcesConfig } from "@heimdex/sources";
import { z } from "zod";

const port = z.coerce.number().int().min(0).max(65_535);
const ms = z.coerce.number().int().min(1).max(86_400_000);
/** A list, or one text with commas, as an environment variable gives it. */
const list = (item: z.ZodType<string>) =>
  z.preprocess((value) => (typeof value === "string" ? value.split(",") : value), z.array(item));

/** Configuration of the gateway; `gatewayConfig.parse({})` gives the defaults. */
export const gatewayConfig = z.strictObject({
  http: z
    .strictObject({
      /** Address to listen on: a loopback address, or `localhost`; any where keys are asked for. */
      host: z.string().default("127.0.0.1"),
      /** 0: any free port. */
      port: port.default(8480),
      /** Where callers reach it: `https://heimdex.example`. What URLs for uploads begin with, where the store of the blobs has none of its own. Default: the
       * address it listens on; where that is every address of the machine, they are paths. */
      publicUrl: z
        .url({ protocol: /^https?$/ })
        .transform((url) => url.replace(/\/+$/, ""))
        .optional()
        .meta({ production: refusePlain }),
      /** Further names by which clients may call it, as `name` (any port) or `name:port`: for a reverse proxy or a port mapping in front. Looked at only
       * where no keys are asked for. */
      allowedHosts: list(z.string().regex(/^[a-z0-9.-]+(:\d{1,5})?$/)).default([]),
    })
    .prefault({}),
  grpc: z
    .strictObject({
      /** Address to listen on: a loopback address, or `localhost`; any where keys are asked for. */
      host: z.string().default("127.0.0.1"),
      /** 0: any free port. */
      port: port.default(8481),
    })
    .prefault({}),
  auth: authConfig,
  limits: limitsConfig,
  /** Where films may be read from besides files: the same as the orchestrator's. */
  sources: sourcesConfig,
  monitorKey: monitorKeyConfig,
  /** Signs paths, see AssetService.SignPaths; the same on every replica: `HEIMDEX_SIGNING_KEY` or `HEIMDEX_SIGNING_KEY_FILE`. Several, with white space between,
   * while it is being changed: the first signs, all are good. Default: one that ends with the process. */
  signingKey: secretKeys(z.string().min(32, "at least 32 characters are expected")).optional(),
  /** How long a signed path is good. A film should be over by then. */
  signedPathMs: ms.default(3_600_000),
  /** How long an upload lives that nobody makes a job of, and its URL. At most 7 days. */
  uploadLifeMs: ms.max(7 * 86_400_000).default(86_400_000),
  /** Of both ports. */
  tls: tlsConfig,
  /** Serve grpc.reflection.v1. */
  reflection: z
    .union([z.boolean(), z.stringbool()])
    .default(true)
    .meta({
      production: (on: unknown) =>
        on === true ? "false is expected: callers need not be told all there is to call" : undefined,
    }),
  /** Shown by GetStatus. */
  version: z.string().default("0.1.0"),
  profile: z.enum(["embedded", "cluster"]).default("embedded"),
  /** Folder of the data; "" in a cluster. */
  data: z.string().default(""),
  /** Files of the catalog where it lies on this machine; their sizes are the `catalog` of GetStatus. */
  catalogFiles: list(z.string()).default([]),
  /** How long the orchestrator may take to answer a call that it does. */
  requestTimeoutMs: ms.default(30_000),
  /** The same for Reindex, which answers when it is done. */
  reindexTimeoutMs: ms.default(3_600_000),
  /** How long a search waits for the query's vector before it answers without. */
  embedTimeoutMs: ms.default(300),
  /** How long a search by a picture waits for the picture's vector: without it there is nothing to answer. */
  pictureTimeoutMs: ms.default(10_000),
  /** WatchJob reads the job this often even when no event comes, since events may be lost. */
  watchPollMs: ms.default(2_000),
  /** A worker not heard of for so long counts as gone. */
  sessionTtlMs: ms.default(60_000),
  /** How long calls under way may still take once it closes: containers are given 30 s to stop. */
  drainMs: ms.default(20_000),
  /** Connections of gRPC clients are ended (gently) after this, so that replicas share the load anew. */
  maxConnectionAgeMs: ms.default(300_000),
});
export type GatewayConfig = z.output<typeof gatewayConfig>;
