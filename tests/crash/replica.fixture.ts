import { join } from "node:path";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { HeimdexError } from "@heimdex/errors";
import { DEFAULT_ORCHESTRATOR_CONFIG, startOrchestrator } from "@heimdex/orchestrator";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { startTelemetry } from "@heimdex/telemetry";
import type { FromHost, ToHost } from "./host.fixture.ts";

/** One of several orchestrators over the catalog, blobs and index in a folder. It hears nothing of the others: every hint between them is lost. Its clock is wrong. */
const [, , folder = "", port = "0", skewMs = "0"] = process.argv;
const rightNow = Date.now.bind(Date);
Date.now = () => rightNow() + Number(skewMs);

const tell = (message: FromHost) => process.send?.(message);
const telemetry = startTelemetry("replica", {
  logLevel: process.env.HEIMDEX_LOG_LEVEL ?? "silent",
  otlpEndpoint: "",
});
const stack = new AsyncDisposableStack();
const ports = {
  catalog: stack.use(await SqliteCatalog.open(join(folder, "catalog.sqlite"), { busyTimeoutMs: 60_000 })),
  bus: stack.use(new MemoryBus({ onError: (error) => telemetry.log.error({ err: error }, "a message failed") })),
  blobs: stack.use(await FolderBlobs.open(join(folder, "blobs"))),
  index: stack.use(await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID })),
};
await ports.bus.subscribe("events.job.>", () => void tell({ kind: "progress" }));
const orchestrator = stack.use(
  await startOrchestrator(
    ports,
    {
      ...DEFAULT_ORCHESTRATOR_CONFIG,
      workerAddress: `127.0.0.1:${port}`,
      dataAddress: "127.0.0.1:0",
      runFolder: join(folder, `run-${port}`),
      signingKey: Buffer.alloc(32, "crash"),
      acceptWithinMs: 2_000,
      leaseTtlMs: 3_000,
      renewEveryMs: 500,
      maxWaitMs: 1_000,
      sweepEveryMs: 50,
      healEveryMs: 300,
      upkeepTtlMs: 1_500,
      minFreeBytes: 0,
      // Every loss is this test's doing, and says nothing against the film.
      retry: { ...DEFAULT_ORCHESTRATOR_CONFIG.retry, losses: 1_000, attempts: 1_000, baseMs: 10 },
    },
    telemetry,
  ),
);

async function create(request: string, uri: string): Promise<void> {
  const payload = { tenant: "default", request: { source_uri: uri, request_id: request } };
  try {
    const { job } = (await ports.bus.request("api.JobService.CreateJob", payload, { timeoutMs: 60_000 })) as {
      job: string;
    };
    tell({ kind: "answer", request, job });
  } catch (reason) {
    tell({ kind: "answer", request, error: HeimdexError.from(reason).message });
  }
}

let stopping = false;
process.on("message", (message: ToHost) => {
  if (message.kind === "create") void create(message.request, message.uri);
  else {
    stopping = true;
    void stack.disposeAsync().then(() => process.disconnect());
  }
});
process.once("disconnect", () => {
  if (!stopping) process.exit(1); // the test is gone
});
const known = async () => (await ports.catalog.find({ collection: "stages", limit: 10 })).length;
while ((await known()) < 4) await new Promise((resolve) => setTimeout(resolve, 10));
orchestrator.openIntake();
tell({ kind: "phase", phase: "serving" });
