import { type AuthConfig, authConfig, type OwnKey, type Rate, type TlsConfig, tlsConfig } from "@heimdex/access";
import { DEFAULT_RETRY_POLICY, EMPTY_PLAN_CONFIG, type PlanConfig, type RetryPolicy } from "@heimdex/kernel";
import { type SourcesConfig, sourcesConfig } from "@heimdex/sources";

/** What can be set of an orchestrator. Times in ms. */
export interface OrchestratorConfig {
  /** Address of the workers' gRPC port; port 0 takes a free one. Default 127.0.0.1:8482. */
  readonly workerAddress: string;
  /** Address of a second gRPC port, for workers outside the servers' network: what they are given names `outerDataUrl` and the store's public endpoint. Default "": none. */
  readonly outerWorkerAddress: string;
  /** Address of the workers' data port (HTTP). Default 127.0.0.1:8483. */
  readonly dataAddress: string;
  /** Whether workers must show a stage key to open a session. Default: no, and only loopback is listened on. */
  readonly auth: AuthConfig;
  /** Keys of this process's own, beside those of the catalog. Default: none. */
  readonly ownKeys: readonly OwnKey[];
  /** How long the token of a session that was opened with a key is good. Workers are told to open another one after three quarters of it. Default 1 h. */
  readonly tokenLifeMs: number;
  /** TLS of the workers' port and of the data port, where clients need no certificate in any case. Default: none. */
  readonly tls: TlsConfig;
  /** Where workers reach the data port, when that is not the address it listens on: `http://heimdex.example:8483`. Where there are several replicas, a name that
   * any of them answers: each serves the URLs of all. Default "". */
  readonly dataUrl: string;
  /** Where workers outside reach it. Default "": as `dataUrl`. */
  readonly outerDataUrl: string;
  /** Folders that tenants other than `default` may name files in; `{tenant}` stands for each one's name. Default: none, and they name no files. */
  readonly sourceRoots: readonly string[];
  /** Where films may be read from besides files. Default: `https://` sources of the world outside. */
  readonly sources: SourcesConfig;
  /** Folder for what must not outlive the process's machine: the mount probe. */
  readonly runFolder: string;
  /** Key that signs data URLs, at least 32 bytes; the same on every replica. */
  readonly signingKey: Uint8Array;
  /** Further keys whose signatures are good too, while the key is being changed. Default: none. */
  readonly otherSigningKeys: readonly Uint8Array[];
  /** How long a new lease waits for its first sign of life. Default 10 s. */
  readonly acceptWithinMs: number;
  /** How long a lease lives after a renewal. Default 45 s. */
  readonly leaseTtlMs: number;
  /** How long calls, commands and transfers under way may still take once it stops. Default 2 s. */
  readonly drainMs: number;
  /** How often workers renew. Default 15 s. */
  readonly renewEveryMs: number;
  /** Longest a poll is held. Default 20 s. */
  readonly maxWaitMs: number;
  /** How long the leases of an answer are given again to the same request id. Default 60 s. */
  readonly replayMs: number;
  /** How often expired leases are looked for. Default 1 s. */
  readonly sweepEveryMs: number;
  /** Sessions that one stage key may open on each replica, where keys are asked for. Default 10 a second, 500 at once. */
  readonly sessionRate: Rate;
  /** How often the catalog is searched for work whose hint was lost. Default 15 s. */
  readonly healEveryMs: number;
  /** How often free disk is looked at, and spans and estimates are stored. Default 5 s. */
  readonly upkeepEveryMs: number;
  /** How long a replica that is not heard of keeps what one does for all: taking jobs in, healing, the index. Default 8 s. */
  readonly upkeepTtlMs: number;
  /** How long an embedding space stays in the index after another took its place: searches begun before still find its vectors. More than a gateway
   * remembers which one serves. Default 10 s. */
  readonly leaveAfterMs: number;
  /** Leasing stops below this. Default 2 GiB. */
  readonly minFreeBytes: number;
  /** Largest single output. Default 8 GiB. */
  readonly maxOutputBytes: number;
  /** Attempts that may run at once over all workers; 0 is no limit. Default 0. */
  readonly maxAttempts: number;
  readonly retry: RetryPolicy;
  readonly plan: PlanConfig;
  /** Goes into every step key: a new value drops all cached results. Default "". */
  readonly salt: string;
  /** True when every worker of an earlier run is known to be gone (the embedded profile: they die with their host): leases still
   * in the catalog are given back at start instead of waiting for their expiry. Default false. */
  readonly soleHost: boolean;
}

export const DEFAULT_ORCHESTRATOR_CONFIG: Omit<OrchestratorConfig, "runFolder" | "signingKey"> = {
  workerAddress: "127.0.0.1:8482",
  outerWorkerAddress: "",
  dataAddress: "127.0.0.1:8483",
  dataUrl: "",
  outerDataUrl: "",
  sourceRoots: [],
  sources: sourcesConfig.parse({}),
  tls: tlsConfig.parse({}),
  auth: authConfig.parse({}),
  ownKeys: [],
  otherSigningKeys: [],
  tokenLifeMs: 3_600_000,
  acceptWithinMs: 10_000,
  leaseTtlMs: 45_000,
  drainMs: 2_000,
  renewEveryMs: 15_000,
  maxWaitMs: 20_000,
  replayMs: 60_000,
  sweepEveryMs: 1_000,
  healEveryMs: 15_000,
  upkeepEveryMs: 5_000,
  upkeepTtlMs: 8_000,
  leaveAfterMs: 10_000,
  minFreeBytes: 2 * 1024 ** 3,
  maxOutputBytes: 8 * 1024 ** 3,
  maxAttempts: 0,
  sessionRate: { perSecond: 10, burst: 500 },
  retry: DEFAULT_RETRY_POLICY,
  plan: EMPTY_PLAN_CONFIG,
  salt: "",
  soleHost: false,
};
