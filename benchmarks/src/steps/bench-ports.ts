import { join } from "node:path";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { clusterConfig, openClusterPorts } from "@heimdex/cluster";
import { loadConfig } from "@heimdex/config";
import type { OrchestratorPorts } from "@heimdex/orchestrator";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import type { Log } from "@heimdex/telemetry";

/** The embedded profile's adapters in a folder; those of the cluster where the environment names its servers, as services have them. */
export async function openBenchPorts(folder: string, log: Log): Promise<OrchestratorPorts & AsyncDisposable> {
  if ("HEIMDEX_CATALOG_URL" in process.env)
    return openClusterPorts(loadConfig(clusterConfig, process.env), log, new AbortController().signal);
  await using opened = new AsyncDisposableStack();
  const catalog = opened.use(await SqliteCatalog.open(join(folder, "catalog.sqlite")));
  const bus = opened.use(new MemoryBus({ onError: (error) => log.error({ err: error }, "bus") }));
  const blobs = opened.use(await FolderBlobs.open(join(folder, "blobs")));
  const index = opened.use(await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID }));
  const held = opened.move();
  return { catalog, bus, blobs, index, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
