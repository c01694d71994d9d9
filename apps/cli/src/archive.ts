import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import type { Context } from "./context.ts";
import { dataRoot } from "./data-root.ts";
import { isPrivate, remotePlatform, stateFolder } from "./endpoint.ts";
import { STAGE_SERVICES } from "./host/stage-services.ts";
import { type Api, openPlatform, type Platform, type PlatformOptions } from "./platform.ts";

/** What of the stage services a command needs when it has to host by itself. */
export type Needs = "everything" | "search" | "nothing";

export interface ArchiveOptions {
  readonly needs: Needs;
  /** Attempts that run side by side, at most. Default: as many as the stages have slots. */
  readonly jobs?: number | undefined;
  /** Data directory where neither --data nor HEIMDEX_DATA names one. Default `.heimdex`. */
  readonly byDefault?: string;
}

/** How often the loss of a host is made good within one call before the error is shown. */
const MAX_LOSSES = 10;

/** Told to come again later: so it does, for as long as it takes. */
const SLOWED_DOWN: ReadonlySet<string> = new Set(["RATE_LIMITED", "QUOTA_EXCEEDED"]);

/** The archive that a command works on. Survives the end of the host it uses: calls then go to the next host, which may be this process. */
export class Archive implements AsyncDisposable {
  /** The data directory; for a gateway elsewhere the folder where commands remember things of it. */
  readonly root: string;
  readonly #open: () => Promise<Platform>;
  readonly #signal: AbortSignal;
  #platform: Platform;
  #reopening: Promise<void> | undefined;

  private constructor(root: string, open: () => Promise<Platform>, signal: AbortSignal, platform: Platform) {
    this.root = root;
    this.#open = open;
    this.#signal = signal;
    this.#platform = platform;
  }

  /** Uses the gateway elsewhere where one is meant; else the running host of the data directory, else hosts on free ports. Throws what openPlatform does. */
  static async open(context: Context, { needs, jobs, byDefault }: ArchiveOptions): Promise<Archive> {
    const { terminal, data, env, signal } = context;
    const { endpoint } = context;
    if (endpoint !== undefined) {
      if (endpoint.key !== undefined && !isPrivate(endpoint))
        terminal.note(`heimdex: the key goes to ${endpoint.address} unencrypted; https:// would hide it`);
      const connect = async () => remotePlatform(endpoint);
      return new Archive(await stateFolder(endpoint, env), connect, signal, await connect());
    }
    const root = dataRoot(data, env, byDefault);
    const options: PlatformOptions = {
      httpPort: 0,
      grpcPort: 0,
      workerPort: 0,
      dataPort: 0,
      jobs: jobs ?? 0,
      services: STAGE_SERVICES.filter(
        ({ name }) => needs === "everything" || (needs === "search" && name === "stage-embed"),
      ),
      onStay: () =>
        terminal.note("heimdex: done; staying for other commands that use what this one hosts (Ctrl-C ends them too)"),
    };
    const open = () => openPlatform(root, options, undefined, signal);
    return new Archive(root, open, signal, await open());
  }

  get platform(): Platform {
    return this.#platform;
  }

  /** Where this process hosts: resolves once the stages are there. Rejects with the signal's reason. */
  async ready(): Promise<void> {
    await Promise.race([this.#platform.host?.ready, aborted(this.#signal)]);
  }

  /** Makes calls. When the host has gone meanwhile, finds or becomes the next one and makes them again: they have to be such that twice is fine. */
  async call<T>(work: (api: Api) => Promise<T>): Promise<T> {
    for (let losses = 0; ; losses++) {
      await this.#reopening;
      const platform = this.#platform;
      try {
        return await work(platform.api);
      } catch (reason) {
        this.#signal.throwIfAborted();
        if (reason instanceof HeimdexError && SLOWED_DOWN.has(reason.id)) {
          await delay(reason.retryAfterMs ?? 1_000, undefined, { signal: this.#signal });
          losses--; // nothing was lost
          continue;
        }
        // Another call may have noticed the loss first, and closed the channel under this one.
        const closed = this.#platform !== platform || this.#reopening !== undefined;
        const gone = platform.host === undefined && reason instanceof HeimdexError && reason.id === "UNAVAILABLE";
        if (!(gone || closed) || losses >= MAX_LOSSES) throw reason;
        if (losses > 0) await delay(200, undefined, { signal: this.#signal });
        await this.#reopen(platform);
      }
    }
  }

  /** Reopens once for all calls that failed with the same host. */
  async #reopen(lost: Platform): Promise<void> {
    if (this.#platform !== lost) return;
    this.#reopening ??= (async () => {
      await lost[Symbol.asyncDispose]();
      this.#platform = await this.#open();
    })().finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#platform[Symbol.asyncDispose]();
  }
}

/** Never resolves. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
