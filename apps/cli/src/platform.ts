import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { AssetServiceDefinition } from "@heimdex/contracts/v1/asset";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { KeyServiceDefinition } from "@heimdex/contracts/v1/key";
import { SearchServiceDefinition } from "@heimdex/contracts/v1/search";
import { SidecarServiceDefinition } from "@heimdex/contracts/v1/sidecar";
import { SourceServiceDefinition } from "@heimdex/contracts/v1/source";
import { StageServiceDefinition } from "@heimdex/contracts/v1/stage";
import { SystemServiceDefinition } from "@heimdex/contracts/v1/system";
import { UploadServiceDefinition } from "@heimdex/contracts/v1/upload";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import type { Telemetry } from "@heimdex/telemetry";
import { type Channel, type ClientMiddleware, createChannel, createClientFactory, Metadata } from "nice-grpc";
import { type DataFolder, openDataFolder } from "./host/data-folder.ts";
import type { Host, HostOptions } from "./host/host.ts";
import { type HostAddress, hostFile } from "./host/host-address.ts";
import { HostLock } from "./host/host-lock.ts";
import { STAGE_SERVICES } from "./host/stage-services.ts";

/** Clients of the public API.
 * @param key shown with every call; "": none */
export function apiClients(channel: Channel, key: string) {
  const clients = createClientFactory().use(errorClientMiddleware).use(withKey(key));
  return {
    assets: clients.create(AssetServiceDefinition, channel),
    jobs: clients.create(JobServiceDefinition, channel),
    keys: clients.create(KeyServiceDefinition, channel),
    search: clients.create(SearchServiceDefinition, channel),
    sidecars: clients.create(SidecarServiceDefinition, channel),
    sources: clients.create(SourceServiceDefinition, channel),
    stages: clients.create(StageServiceDefinition, channel),
    system: clients.create(SystemServiceDefinition, channel),
    uploads: clients.create(UploadServiceDefinition, channel),
  };
}
export type Api = ReturnType<typeof apiClients>;

function withKey(key: string): ClientMiddleware {
  return (call, options) => {
    if (key === "") return call.next(call.request, options);
    const metadata = Metadata(options.metadata).set("authorization", `Bearer ${key}`);
    return call.next(call.request, { ...options, metadata });
  };
}

/** The platform, as a command uses it. */
export interface Platform extends AsyncDisposable {
  readonly api: Api;
  readonly address: HostAddress;
  /** This process hosts it; undefined when another one does. */
  readonly host: Host | undefined;
}

/** The platform over a data directory of this machine. */
export interface LocalPlatform extends Platform {
  readonly folder: DataFolder;
}

export interface PlatformOptions extends HostOptions {
  /** Refuse to use the host of another process. Default false. */
  readonly mustHost?: boolean;
  /** Called when this process is done but stays, because others use what it hosts. */
  readonly onStay?: () => void;
}

/** How long a host that another process starts may take until it can be reached, ms. */
const ATTACH_WITHIN_MS = 30_000;

/** Uses the running host of a data directory, else hosts for as long as the result lives, and then until nobody else is attached. A host that runs only
 * some of the stage services wanted here is waited for: it is about to end.
 * @param telemetry of the host; default: its own, with its log in the data directory
 * @throws HeimdexError DATA_LOCKED when a process holds the directory and cannot be reached, or hosts where this one must; what startHost throws */
export async function openPlatform(
  root: string,
  options: PlatformOptions,
  telemetry: Telemetry | undefined,
  signal: AbortSignal,
): Promise<LocalPlatform> {
  const folder = await openDataFolder(root);
  const lock = new HostLock(folder.run);
  const wanted = (options.services ?? STAGE_SERVICES).map(({ name }) => name);
  const untilMs = Date.now() + ATTACH_WITHIN_MS;
  for (;;) {
    const attached = await lock.attach(signal);
    const hosting = lock.tryHost();
    if (hosting !== undefined) {
      attached[Symbol.dispose]();
      return hostPlatform(folder, options, telemetry, lock, hosting, signal);
    }
    const address = await readAddress(hostFile(folder));
    const usable = address !== undefined && wanted.every((name) => address.services.includes(name));
    if (usable && options.mustHost === true) {
      attached[Symbol.dispose]();
      throw hostedElsewhere(root, address);
    }
    if (usable && (await reachable(address))) {
      const channel = createChannel(address.grpc);
      return {
        api: apiClients(channel, address.key),
        address,
        folder,
        host: undefined,
        async [Symbol.asyncDispose]() {
          channel.close();
          attached[Symbol.dispose]();
        },
      };
    }
    attached[Symbol.dispose]();
    if (Date.now() > untilMs) {
      throw new HeimdexError("DATA_LOCKED", `process ${address?.pid ?? "unknown"} holds ${root} and does not answer`, {
        metadata: { data: root },
      });
    }
    await delay(100, undefined, { signal }); // locks of the system and files of others cannot be awaited
  }
}

async function hostPlatform(
  folder: DataFolder,
  options: PlatformOptions,
  telemetry: Telemetry | undefined,
  lock: HostLock,
  hosting: Disposable,
  signal: AbortSignal,
): Promise<LocalPlatform> {
  await using cleanup = new AsyncDisposableStack();
  cleanup.use(hosting);
  signal.throwIfAborted();
  // Loaded only here: who attaches needs no database.
  const [{ startHost }, { startHostTelemetry }] = await Promise.all([
    import("./host/host.ts"),
    import("./host/host-telemetry.ts"),
  ]);
  const used = telemetry ?? cleanup.use(startHostTelemetry(folder.logs));
  const host = cleanup.use(await startHost(folder.root, options, used));
  const channel = createChannel(host.address.grpc);
  const held = cleanup.move();
  return {
    api: apiClients(channel, host.address.key),
    address: host.address,
    folder,
    host,
    async [Symbol.asyncDispose]() {
      channel.close();
      using _alone = await lock.waitUntilAlone(new AbortController().signal, options.onStay);
      await held.disposeAsync();
    },
  };
}

function hostedElsewhere(root: string, address: HostAddress): HeimdexError {
  return new HeimdexError("DATA_LOCKED", `process ${address.pid} hosts ${root} already, at http://${address.http}`, {
    metadata: { data: root },
    help: `Use that one (other commands do so by themselves), or stop it first: kill ${address.pid}`,
  });
}

async function readAddress(path: string): Promise<HostAddress | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as HostAddress;
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw reason;
  }
}

/** A host that was killed leaves its address behind: only an answer proves that somebody is there. */
async function reachable(address: HostAddress): Promise<boolean> {
  const channel = createChannel(address.grpc);
  try {
    await apiClients(channel, address.key).stages.listStages({}, { signal: AbortSignal.timeout(2_000) });
    return true;
  } catch {
    return false; // whatever the reason: nobody answers there
  } finally {
    channel.close();
  }
}
