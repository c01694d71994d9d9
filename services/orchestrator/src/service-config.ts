import {
  authConfig,
  type Caller,
  configuredKeys,
  EVERY_TENANT,
  monitorKeyConfig,
  monitorKeys,
  tlsConfig,
} from "@heimdex/access";
import { clusterConfig } from "@heimdex/cluster";
import { refusePlain, SECRET, type Secret, secretKeys } from "@heimdex/config";
import { sourcesConfig } from "@heimdex/sources";
import { z } from "zod";
import { DEFAULT_ORCHESTRATOR_CONFIG as DEFAULT, type OrchestratorConfig } from "./config.ts";

const ms = z.coerce.number().int().min(1).max(86_400_000);
const httpUrl = z.url({ protocol: /^https?$/ }).meta({ production: refusePlain });
const address = z.string().regex(/^(\[[0-9a-f:]+\]|[^:]*):\d{1,5}$/, "HOST:PORT");

/** Configuration of an orchestrator in a cluster, from the environment: `HEIMDEX_WORKER_ADDRESS` and so on, as `OrchestratorConfig` has them. */
export const serviceConfig = z.object({
  ...clusterConfig.shape,
  auth: authConfig,
  tls: tlsConfig,
  /** A key that workers may show besides those of the catalog, for every tenant and stage: so that a cluster's own stage services have one before anybody made keys.
   * Several, with white space between, while it is being changed. Default: none. */
  stageKey: secretKeys(z.string().regex(/^[\x21-\x7e]{32,256}$/, "32 to 256 printable ASCII characters are expected"))
    .meta({ ...SECRET, env: "HEIMDEX_STAGE_KEY" })
    .optional(),
  monitorKey: monitorKeyConfig,
  /** Default 0.0.0.0:8482. */
  workerAddress: address.default("0.0.0.0:8482"),
  /** A second port, for workers outside: on this machine where the servers are in containers, or in another network. They are given URLs of `outerDataUrl` and of the store's
   * public endpoint. Default: none. */
  outerWorkerAddress: address.or(z.literal("")).default(DEFAULT.outerWorkerAddress),
  /** Default 0.0.0.0:8483. */
  dataAddress: address.default("0.0.0.0:8483"),
  /** Where workers reach the data port: `http://orchestrator:8483`. */
  dataUrl: httpUrl,
  /** Where workers outside reach it: `http://127.0.0.1:8483`. Default: as `dataUrl`. */
  outerDataUrl: httpUrl.or(z.literal("")).default(DEFAULT.outerDataUrl).meta({ production: refusePlain }),
  /** Folders that tenants other than `default` may name files in, with commas between; `{tenant}` stands for each one's name. Default: none. */
  sourceRoots: z
    .string()
    .default("")
    .transform((list) => list.split(",").filter((folder) => folder !== "")),
  sources: sourcesConfig,
  /** Signs data URLs: the same on every replica. At least 32 characters. Several, with white space between, while it is being changed: the first signs, all are
   * good. */
  signingKey: secretKeys(z.string().min(32, "at least 32 characters are expected")),
  /** Default /run/heimdex. */
  runFolder: z.string().min(1).default("/run/heimdex"),
  acceptWithinMs: ms.default(DEFAULT.acceptWithinMs),
  leaseTtlMs: ms.default(DEFAULT.leaseTtlMs),
  renewEveryMs: ms.default(DEFAULT.renewEveryMs),
  healEveryMs: ms.default(DEFAULT.healEveryMs),
  /** Default 20 s: containers are given 30 s to stop. */
  drainMs: ms.default(20_000),
});
export type ServiceConfig = z.output<typeof serviceConfig>;

/** What `startOrchestrator` takes. */
export function orchestratorConfig(config: ServiceConfig): OrchestratorConfig {
  const { catalog: _catalog, bus: _bus, blobs: _blobs, stageKey, monitorKey, signingKey, ...own } = config;
  const stages: Caller = { key: "stages", role: "stage", tenant: EVERY_TENANT, stages: [] };
  return {
    ...DEFAULT,
    ...own,
    ownKeys: [...configuredKeys(stageKey, stages), ...monitorKeys(monitorKey)],
    signingKey: bytes(signingKey[0]),
    otherSigningKeys: signingKey.slice(1).map(bytes),
  };
}

const bytes = (key: Secret) => Buffer.from(key.reveal());
