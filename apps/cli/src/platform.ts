import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { AssetServiceDefinition } from "@heimdex/contracts/v1/asset";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { SearchServiceDefinition } from "@heimdex/contracts/v1/search";
import { SidecarServiceDefinition } from "@heimdex/contracts/v1/sidecar";
import { StageServiceDefinition } from "@heimdex/contracts/v1/stage";
import { SystemServiceDefinition } from "@heimdex/contracts/v1/system";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import type { Telemetry } from "@heimdex/telemetry";
import { type Channel, createChannel, createClientFactory } from "nice-grpc";
import { openDataFolder } from "./host/data-folder.ts";
import { type Host, type HostAddress, type HostOptions, hostFile, startHost } from "./host/host.ts";
import { HostLock } from "./host/host-lock.ts";

/** Clients of the public API. */
export function apiClients(channel: Channel) {
  const clients = createClientFactory().use(errorClientMiddleware);
  return {
    assets: clients.create(AssetServiceDefinition, channel),
    jobs: clients.create(JobServiceDefinition, channel),
    search: clients.create(SearchServiceDefinition, channel),
    sidecars: clients.create(SidecarServiceDefinition, channel),
    stages: clients.create(StageServiceDefinition, channel),
    system: clients.create(SystemServiceDefinition, channel),
  };
}

/** The platform over one data directory, as a command uses it. */
export interface Platform extends AsyncDisposable {
  readonly api: ReturnType<typeof apiClients>;
  readonly address: HostAddress;
  /** This process hosts it; undefined when another one does. */
  readonly host: Host | undefined;
}

/** How long a host that another process starts may take until it can be reached, ms. */
const ATTACH_WITHIN_MS = 30_000;

/** Uses the running host of a data directory, else hosts for as long as the result lives, and then until nobody else is attached.
 * Throws DATA_LOCKED when a process holds the directory and cannot be reached. */
export async function openPlatform(
  root: string,
  options: HostOptions,
  telemetry: Telemetry,
  signal: AbortSignal,
): Promise<Platform> {
  const folder = await openDataFolder(root);
  const lock = new HostLock(folder.run);
  const untilMs = Date.now() + ATTACH_WITHIN_MS;
  for (;;) {
    const attached = await lock.attach(signal);
    const hosting = lock.tryHost();
    if (hosting !== undefined) {
      attached[Symbol.dispose]();
      return hostPlatform(root, options, telemetry, lock, hosting);
    }
    const address = await readAddress(hostFile(folder));
    if (address !== undefined && (await reachable(address))) {
      const channel = createChannel(address.grpc);
      return {
        api: apiClients(channel),
        address,
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
    await delay(100, undefined, { signal });
  }
}

async function hostPlatform(
  root: string,
  options: HostOptions,
  telemetry: Telemetry,
  lock: HostLock,
  hosting: Disposable,
): Promise<Platform> {
  try {
    const host = await startHost(root, options, telemetry);
    const channel = createChannel(host.address.grpc);
    return {
      api: apiClients(channel),
      address: host.address,
      host,
      async [Symbol.asyncDispose]() {
        channel.close();
        const alone = await lock.waitUntilAlone(new AbortController().signal);
        await host[Symbol.asyncDispose]();
        hosting[Symbol.dispose]();
        alone[Symbol.dispose]();
      },
    };
  } catch (reason) {
    hosting[Symbol.dispose]();
    throw reason;
  }
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
    await apiClients(channel).stages.listStages({}, { signal: AbortSignal.timeout(2_000) });
    return true;
  } catch {
    return false; // whatever the reason: nobody answers there
  } finally {
    channel.close();
  }
}
