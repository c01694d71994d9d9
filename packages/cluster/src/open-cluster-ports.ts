import { LanceMomentIndex, s3StorageOptions } from "@heimdex/adapters-lancedb";
import { S3Blobs } from "@heimdex/adapters-minio";
import { MongoCatalog } from "@heimdex/adapters-mongo";
import { NatsBus } from "@heimdex/adapters-nats";
import { type ErrorId, HeimdexError } from "@heimdex/errors";
import { ServerWatch } from "@heimdex/health";
import { prepareCatalog } from "@heimdex/migrations";
import type { Blobs, Bus, Catalog, EventLog, MomentIndex } from "@heimdex/ports";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import type { Log } from "@heimdex/telemetry";
import type { ClusterConfig } from "./cluster-config.ts";
import { untilServed } from "./until-served.ts";

export interface ClusterPorts extends AsyncDisposable {
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly events: EventLog;
  readonly blobs: Blobs;
  readonly index: MomentIndex;
  /** Whether the servers behind them are there. */
  readonly servers: ServerWatch;
}

/** The index lies in the bucket of the blobs. No tenant's name begins with a dot. */
const INDEX_PREFIX = ".index";

/** Opens all ports, and waits for each server for as long as it takes. Disposing closes them in reverse order.
 * @throws HeimdexError what waiting does not mend: CONFIG_INVALID, BLOB_STORE_REFUSED, DATA_VERSION_NEWER; `signal.reason` when aborted */
export async function openClusterPorts(config: ClusterConfig, log: Log, signal: AbortSignal): Promise<ClusterPorts> {
  const { catalog: db, bus: messages, blobs: store } = config;
  await using opened = new AsyncDisposableStack();
  const catalog = opened.use(
    await untilServed(
      "the catalog",
      () => MongoCatalog.open({ url: db.url.reveal(), database: db.database }),
      log,
      signal,
    ),
  );
  await untilServed("the catalog", () => prepareCatalog(catalog, signal), log, signal);
  const bus = opened.use(
    await untilServed(
      "the bus",
      () =>
        NatsBus.open({
          servers: messages.url,
          ...(messages.user === undefined ? {} : { user: messages.user }),
          ...(messages.password === undefined ? {} : { password: messages.password.reveal() }),
          onError: (error, subject) => log.error({ err: error, subject }, "a message could not be handled"),
        }),
      log,
      signal,
    ),
  );
  const accessKey = store.accessKey.reveal();
  const secretKey = store.secretKey.reveal();
  const blobs = opened.use(
    await untilServed(
      "the blob store",
      () =>
        S3Blobs.open({
          endpoint: store.endpoint,
          ...(store.publicEndpoint === undefined ? {} : { publicEndpoint: store.publicEndpoint }),
          bucket: store.bucket,
          region: store.region,
          accessKey,
          secretKey,
        }),
      log,
      signal,
    ),
  );
  const index = opened.use(
    await LanceMomentIndex.open(`s3://${store.bucket}/${INDEX_PREFIX}`, {
      analyze,
      analyzerId: ANALYZER_ID,
      storageOptions: s3StorageOptions({ endpoint: store.endpoint, region: store.region, accessKey, secretKey }),
    }),
  );
  const servers = opened.use(watchServers(catalog, bus, blobs, log));
  const held = opened.move();
  return { catalog, bus, events: bus, blobs, index, servers, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Of what can be asked for, these are what is known not to be there: they cost a server next to nothing. The bus only makes things quicker and carries what the API changes (ADR 0009, 0022):
 * search and work under way go on without it, and no other replica would have one. */
function watchServers(catalog: Catalog, bus: Bus, blobs: Blobs, log: Log): ServerWatch {
  const nothing = { tenant: "default", sha256: "0".repeat(64), size: 0 };
  return new ServerWatch(
    [
      { name: "catalog", isNeeded: true, probe: () => catalog.get("meta", "health") },
      {
        name: "blob store",
        isNeeded: true,
        probe: (signal) => blobs.get(nothing, undefined, signal).catch(allowing("BLOB_NOT_FOUND")),
      },
      {
        name: "bus",
        isNeeded: false,
        probe: (signal) =>
          bus.request("health", null, { timeoutMs: 60_000, signal }).catch(allowing("BUS_NO_RESPONDER")),
      },
    ],
    log,
  );
}

function allowing(id: ErrorId): (reason: unknown) => void {
  return (reason) => {
    if (!(reason instanceof HeimdexError && reason.id === id)) throw reason;
  };
}
