import { join } from "node:path";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { HeimdexError, type SerializedError } from "@heimdex/errors";
import { DEFAULT_ORCHESTRATOR_CONFIG, type OrchestratorConfig, startOrchestrator } from "@heimdex/orchestrator";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { startTelemetry } from "@heimdex/telemetry";

/** What a test may set of its orchestrator. Times in ms. */
export interface HostSettings
  extends Partial<
    Pick<OrchestratorConfig, "workerAddress" | "acceptWithinMs" | "leaseTtlMs" | "renewEveryMs" | "maxWaitMs" | "retry">
  > {
  /** It ends as by `kill -9` when a worker's result is about to be written, or has just been. */
  readonly dies?: "before commit" | "after commit" | undefined;
}

/** A command of the public API. */
export interface ToHost {
  readonly id: number;
  readonly method: string;
  readonly request: unknown;
}

export type FromHost =
  | { readonly kind: "serving"; readonly address: string }
  | { readonly kind: "answer"; readonly id: number; readonly result?: unknown; readonly error?: SerializedError };

const TENANT = "default";
const COMMAND_MS = 30_000;

/** An orchestrator as a process of its own, on the adapters of one machine: `host.fixture.ts FOLDER`. FAULT_HOST holds its settings as JSON. It ends with
 * whoever started it. */
const [, , folder = ""] = process.argv;
const { dies, ...settings } = JSON.parse(process.env.FAULT_HOST ?? "{}") as HostSettings;
const telemetry = startTelemetry("host", { logLevel: process.env.HEIMDEX_LOG_LEVEL ?? "silent", otlpEndpoint: "" });
const catalog = await SqliteCatalog.open(join(folder, "catalog.sqlite"));
const bus = new MemoryBus({ onError: (error) => telemetry.log.error({ err: error }, "a message failed") });
if (dies !== undefined) {
  const write = catalog.write.bind(catalog);
  catalog.write = async (ops) => {
    const isCommit = ops.some(({ collection }) => collection === "cache");
    if (isCommit && dies === "before commit") process.kill(process.pid, "SIGKILL");
    const results = await write(ops);
    if (isCommit) process.kill(process.pid, "SIGKILL");
    return results;
  };
}
const orchestrator = await startOrchestrator(
  {
    catalog,
    bus,
    blobs: await FolderBlobs.open(join(folder, "blobs")),
    index: await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID }),
  },
  {
    ...DEFAULT_ORCHESTRATOR_CONFIG,
    workerAddress: "127.0.0.1:0",
    dataAddress: "127.0.0.1:0",
    runFolder: join(folder, "run"),
    signingKey: Buffer.alloc(32, "faults"),
    renewEveryMs: 300,
    maxWaitMs: 1_000,
    sweepEveryMs: 50,
    healEveryMs: 500,
    upkeepEveryMs: 500,
    minFreeBytes: 0,
    retry: { ...DEFAULT_ORCHESTRATOR_CONFIG.retry, baseMs: 10 },
    ...settings,
  },
  telemetry,
);
orchestrator.openIntake();

const tell = (message: FromHost) => process.send?.(message);
process.on("message", ({ id, method, request }: ToHost) => {
  bus.request(`api.${method}`, { tenant: TENANT, request }, { timeoutMs: COMMAND_MS }).then(
    (result) => tell({ kind: "answer", id, result }),
    (reason: unknown) => tell({ kind: "answer", id, error: HeimdexError.from(reason).toJSON() }),
  );
});
process.once("disconnect", () => process.exit(1));
tell({ kind: "serving", address: orchestrator.workerAddress });
