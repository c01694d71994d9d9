import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { HeimdexError } from "@heimdex/errors";
import { DEFAULT_ORCHESTRATOR_CONFIG, startOrchestrator } from "@heimdex/orchestrator";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { startTelemetry } from "@heimdex/telemetry";

/** What a host tells its test. */
export type FromHost =
  | { readonly kind: "phase"; readonly phase: "opening" | "open" | "serving" }
  | { readonly kind: "worker"; readonly service: string; readonly pid: number }
  /** Something was written to a job. */
  | { readonly kind: "progress" }
  | { readonly kind: "answer"; readonly request: string; readonly job?: string; readonly error?: string };

/** What a test tells its host. */
export type ToHost =
  | { readonly kind: "create"; readonly request: string; readonly uri: string }
  | { readonly kind: "stop" };

const SERVICES = ["eyes", "ears"];
const WORKER = fileURLToPath(new URL("./worker.fixture.ts", import.meta.url));
const [, , folder = "", runs = ""] = process.argv;

/** A host as `heimdex up` is one, with short times: an orchestrator on the embedded adapters, and two stage services as children that it starts again at once. */
const tell = (message: FromHost) => process.send?.(message);
tell({ kind: "phase", phase: "opening" });
const telemetry = startTelemetry("host", { logLevel: process.env.HEIMDEX_LOG_LEVEL ?? "silent", otlpEndpoint: "" });
const stack = new AsyncDisposableStack();
const ports = {
  catalog: stack.use(await SqliteCatalog.open(join(folder, "catalog.sqlite"))),
  bus: stack.use(new MemoryBus({ onError: (error) => telemetry.log.error({ err: error }, "a message failed") })),
  blobs: stack.use(await FolderBlobs.open(join(folder, "blobs"))),
  index: stack.use(await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID })),
};
tell({ kind: "phase", phase: "open" });
await ports.bus.subscribe("events.job.>", () => void tell({ kind: "progress" }));
const orchestrator = stack.use(
  await startOrchestrator(
    ports,
    {
      ...DEFAULT_ORCHESTRATOR_CONFIG,
      workerAddress: "127.0.0.1:0",
      dataAddress: "127.0.0.1:0",
      runFolder: join(folder, "run"),
      signingKey: Buffer.alloc(32, "crash"),
      soleHost: true,
      acceptWithinMs: 600,
      leaseTtlMs: 1_000,
      renewEveryMs: 300,
      maxWaitMs: 1_000,
      sweepEveryMs: 50,
      healEveryMs: 500,
      minFreeBytes: 0,
      // Every loss is this test's doing, and says nothing against the film.
      retry: { ...DEFAULT_ORCHESTRATOR_CONFIG.retry, losses: 1_000, attempts: 1_000, baseMs: 10 },
    },
    telemetry,
  ),
);
const children = new Map<string, ChildProcess>();
let stopping = false;
function serve(service: string): void {
  const child = spawn(process.execPath, [WORKER, service], {
    stdio: ["pipe", "inherit", "inherit"],
    env: {
      ...process.env,
      HEIMDEX_ORCHESTRATOR: orchestrator.workerAddress,
      HEIMDEX_SCRATCH: join(folder, "scratch"),
      HEIMDEX_SUPERVISED: "1",
      HEIMDEX_LOG_LEVEL: process.env.HEIMDEX_LOG_LEVEL ?? "silent",
      CRASH_RUNS: runs,
    },
  });
  children.set(service, child);
  if (child.pid !== undefined) tell({ kind: "worker", service, pid: child.pid });
  child.once("exit", () => {
    if (stopping) return;
    serve(service);
  });
}
for (const service of SERVICES) serve(service);

async function stop(): Promise<void> {
  stopping = true;
  await Promise.all(
    [...children.values()].map(
      (child) =>
        new Promise<void>((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) return resolve();
          child.once("exit", () => resolve());
          child.kill("SIGTERM");
        }),
    ),
  );
  await stack.disposeAsync();
  process.disconnect();
}

async function create(request: string, uri: string): Promise<void> {
  const payload = { tenant: "default", request: { source_uri: uri, request_id: request } };
  try {
    const { job } = (await ports.bus.request("api.JobService.CreateJob", payload, { timeoutMs: 10_000 })) as {
      job: string;
    };
    tell({ kind: "answer", request, job });
  } catch (reason) {
    tell({ kind: "answer", request, error: HeimdexError.from(reason).message });
  }
}

process.on("message", (message: ToHost) => {
  if (message.kind === "create") void create(message.request, message.uri);
  else void stop();
});
process.once("disconnect", () => {
  if (!stopping) process.exit(1); // the test is gone
});
// All stages must be part of every plan: at the first start they are not known yet.
const known = async () => (await ports.catalog.find({ collection: "stages", limit: 10 })).length;
while ((await known()) < 4) await new Promise((resolve) => setTimeout(resolve, 10));
orchestrator.openIntake();
tell({ kind: "phase", phase: "serving" });
