import { readFile, stat } from "node:fs/promises";
import type { Finish, Lease, OpenSessionResponse } from "@heimdex/contracts/stage/v1/work_service";
import type { HeimdexError } from "@heimdex/errors";
import { type AttemptHost, runAttempt } from "./attempt.ts";
import { pause } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { msOf } from "./duration.ts";
import { Finisher } from "./finisher.ts";
import { HeldLease } from "./held-lease.ts";
import { answerInteractive } from "./interactive.ts";
import type { CreateUploads } from "./outputs.ts";
import { Poller } from "./poller.ts";
import { Renewer } from "./renewer.ts";
import type { ServedStage } from "./served-stage.ts";
import { SessionLink } from "./session-link.ts";
import type { Capability } from "./stage.ts";

/** Results not acknowledged beyond which no work is asked for: what one FinishLeases call takes. */
const MAX_WAITING = 256;
const MAX_PROBE_FILE_BYTES = 1_024;
/** How often a stage that cannot run here is looked at again: models may be pulled meanwhile. */
const PROBE_AGAIN_MS = 60_000;
/** How long the last results, and then closing, may take. */
const CLOSE_MS = 2_000;

export interface SessionOptions {
  readonly connection: Connection;
  readonly host: AttemptHost;
  readonly served: readonly ServedStage[];
  /** How long running attempts may go on after `stop`, in ms; asked when it comes to that. */
  readonly graceMs: () => number;
  /** Aborts when the worker is to end. */
  readonly stop: AbortSignal;
  /** All stages are registered, those that cannot run here as such. */
  readonly onServing: () => void;
}

/** Why a session takes no more work.
 * - draining: the server wants it to finish what it holds, which goes on in the background
 * - stopped: the worker ends
 * - unknown: the server has forgotten it; what was under way is dropped */
export type SessionEnd = "draining" | "stopped" | "unknown";

/** One session with the server, from its opening to its end. */
export class Session {
  readonly #options: SessionOptions;
  readonly #link: SessionLink;
  readonly #held = new Map<string, HeldLease>();
  readonly #finisher: Finisher;
  readonly #answers: Finisher;
  readonly #renewer: Renewer;
  readonly #batch: Poller;
  readonly #interactive: Poller;
  readonly #running = new Set<Promise<void>>();
  readonly #draining = new AbortController();

  private constructor(opened: OpenSessionResponse, mountProof: string, options: SessionOptions) {
    this.#options = options;
    const { connection, host } = options;
    this.#link = new SessionLink(connection, opened.session, opened.token, host.log.child({ session: opened.session }));
    this.#finisher = new Finisher(this.#link, (lease) => {
      this.#held.delete(lease);
      this.#batch.wake();
    });
    // Of their own, so that a person's query does not wait for the commit of a batch.
    this.#answers = new Finisher(this.#link, () => undefined);
    this.#renewer = new Renewer(this.#link, this.#held, {
      renewEveryMs: msOf(opened.renewEvery, 15_000),
      acceptWithinMs: msOf(opened.acceptWithin, 10_000),
      leaseTtlMs: msOf(opened.leaseTtl, 45_000),
      onDrain: () => this.#draining.abort(),
    });
    const polling = { mountProof, maxWaitMs: msOf(opened.maxWait, 20_000), onDrain: () => this.#draining.abort() };
    this.#batch = new Poller(this.#link, {
      ...polling,
      lane: "BATCH",
      congested: () => this.#finisher.waiting >= MAX_WAITING,
      onLeases: (leases) => {
        for (const lease of leases) this.#startAttempt(lease);
        if (leases.length > 0) this.#renewer.received();
      },
    });
    this.#interactive = new Poller(this.#link, {
      ...polling,
      lane: "INTERACTIVE",
      congested: () => false,
      onLeases: (leases) => {
        for (const lease of leases) this.#startAnswer(lease);
      },
    });
  }

  static async start(opened: OpenSessionResponse, options: SessionOptions): Promise<Session> {
    return new Session(opened, await readMountProof(opened.mountProbe), options);
  }

  /** Registers the stages and works until there is to be no more work. Rejects with the server's refusal when it takes none of the stages. */
  async run(): Promise<SessionEnd> {
    const { stop, onServing } = this.#options;
    const ended = this.#link.ended;
    const over = AbortSignal.any([ended, stop, this.#draining.signal]);
    try {
      await Promise.race([this.#serveAll(over), aborted(over)]);
      if (!over.aborted) onServing();
      await aborted(over);
    } catch (refusal) {
      await this.#close();
      throw refusal;
    } finally {
      this.#batch.close();
      this.#interactive.close();
    }
    return ended.aborted ? "unknown" : stop.aborted ? "stopped" : "draining";
  }

  /** Lets what is under way come to its end, and closes the session. Call it after `run`. Never rejects. */
  async finish(): Promise<void> {
    const ended = this.#link.ended;
    if (!ended.aborted) await this.#finishAll();
    if (ended.aborted) for (const held of this.#held.values()) held.stop("lost");
    else await this.#close();
  }

  /** Each stage is registered as soon as its own probe has ended. */
  async #serveAll(over: AbortSignal): Promise<void> {
    const refusals: HeimdexError[] = [];
    const taken = await Promise.all(
      this.#options.served.map(async (served) => {
        try {
          await this.#serve(served, await served.probe(this.#link.log, this.#options.stop), over);
          return true;
        } catch (reason) {
          if (over.aborted) return true;
          const error = reason as HeimdexError;
          const { id, message, fields, help } = error;
          this.#link.log.error({ stage: served.stage.name, id, fields, help }, `stage refused: ${message}`);
          refusals.push(error);
          return false;
        }
      }),
    );
    if (!taken.includes(true) && refusals[0] !== undefined) throw refusals[0];
  }

  async #serve(served: ServedStage, capability: Capability, over: AbortSignal): Promise<void> {
    if (over.aborted) return;
    await this.#link.persist(
      ({ registry }, options) =>
        registry.registerStage(
          {
            session: this.#link.id,
            manifest: served.manifest,
            models: capability.available
              ? [...(capability.models ?? [])].map((m) => ({ ...m, licence: m.licence ?? "" }))
              : [],
            unavailableReason: capability.available ? "" : capability.reason,
            unavailableHelp: capability.available ? "" : capability.help,
            interactive: capability.available && served.stage.interactive !== undefined,
          },
          options,
        ),
      over,
    );
    if (capability.available) {
      this.#link.log.info({ stage: served.stage.name, slots: served.batch.slots }, "stage registered");
      this.#batch.add(served.batch);
      if (served.stage.interactive !== undefined) this.#interactive.add(served.interactive);
      return;
    }
    const { reason, help } = capability;
    this.#link.log.warn({ stage: served.stage.name, reason, help }, "stage registered as unavailable");
    void this.#serveLater(served, over);
  }

  async #serveLater(served: ServedStage, over: AbortSignal): Promise<void> {
    for (;;) {
      await pause(PROBE_AGAIN_MS, over);
      if (over.aborted) return;
      const capability = await served.probeAgain(this.#link.log, this.#options.stop);
      if (!capability.available) continue;
      try {
        await this.#serve(served, capability, over);
      } catch (reason) {
        if (!over.aborted) this.#link.log.error({ err: reason, stage: served.stage.name }, "stage refused");
      }
      return;
    }
  }

  #startAttempt(lease: Lease): void {
    // The answer to a repeated request may bring a lease that is held already.
    if (this.#held.has(lease.lease)) return;
    const held = new HeldLease(lease);
    this.#held.set(lease.lease, held);
    const report = (finish: Finish | undefined): void => {
      if (finish === undefined) this.#held.delete(lease.lease);
      else this.#finisher.add(finish);
    };
    const served = this.#servedOf(lease);
    if (served === undefined) {
      const outcome = { $case: "released", value: { reason: "this worker does not serve the stage" } } as const;
      report({ lease: lease.lease, epoch: lease.epoch, outcome, wallMs: 0, cpuMs: 0, spans: [] });
      return;
    }
    const upload: CreateUploads = (sizes, first) => this.#createUploads(lease, sizes, first, held.signal);
    const free = served.batch.take();
    this.#track(runAttempt(this.#options.host, served.stage, held, upload, report).finally(free));
  }

  #startAnswer(lease: Lease): void {
    const served = this.#servedOf(lease);
    const free = served?.interactive.take();
    const stop = AbortSignal.any([this.#link.ended, this.#options.stop]);
    this.#track(
      answerInteractive(served?.stage, lease, stop).then((finish) => {
        this.#answers.add(finish);
        free?.();
      }),
    );
  }

  #servedOf({ stage: name }: Lease): ServedStage | undefined {
    return this.#options.served.find(({ stage }) => stage.name === name);
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #createUploads(lease: Lease, sizes: readonly number[], first: number, signal: AbortSignal): Promise<string[]> {
    const request = { session: this.#link.id, lease: lease.lease, epoch: lease.epoch, sizes: [...sizes], first };
    const { uploads } = await this.#link.persist(({ work }, options) => work.createUploads(request, options), signal);
    return uploads.toSorted((a, b) => a.number - b.number).map(({ url }) => url);
  }

  /** Lets what runs come to its end: as long as it takes when the server drains, within the grace time when the worker is to stop. */
  async #finishAll(): Promise<void> {
    const { stop, host } = this.#options;
    const ended = this.#link.ended;
    await Promise.race([this.#settled(), aborted(AbortSignal.any([stop, ended]))]);
    if (!stop.aborted || ended.aborted) return;
    const graceMs = this.#options.graceMs();
    if (this.#running.size > 0 && graceMs > 0) {
      this.#link.log.info({ attempts: this.#running.size, graceMs }, "waiting for attempts to end");
      await within(this.#attemptsEnded(), graceMs, ended);
    }
    for (const held of this.#held.values()) held.stop("shutdown");
    await within(this.#attemptsEnded(), host.stopGraceMs, ended);
    // The server may be away for good: then the last results are lost, and their steps run again.
    await within(this.#settled(), CLOSE_MS, ended);
  }

  async #attemptsEnded(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #settled(): Promise<void> {
    await this.#attemptsEnded();
    await Promise.all([this.#finisher.idle(), this.#answers.idle()]);
  }

  async #close(): Promise<void> {
    if (this.#link.ended.aborted) return;
    try {
      await this.#link.call(({ work }, options) => work.closeSession({ session: this.#link.id }, options), CLOSE_MS);
    } catch (reason) {
      this.#link.log.debug({ err: reason }, "the session could not be closed: it will expire");
    }
    this.#link.end();
  }
}

/** The file's content, where this worker sees the server's disk. The server names the file, so only small ones are sent. */
async function readMountProof(path: string): Promise<string> {
  if (path === "") return "";
  try {
    if ((await stat(path)).size > MAX_PROBE_FILE_BYTES) return "";
    return await readFile(path, "utf8");
  } catch (reason) {
    if (["ENOENT", "EACCES", "ENOTDIR", "EPERM"].includes((reason as NodeJS.ErrnoException).code ?? "")) return "";
    throw reason;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Waits for `work`, at most so long, and not beyond the signal. */
async function within(work: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const forward = () => enough.abort();
  signal.addEventListener("abort", forward, { once: true });
  await Promise.race([work, pause(ms, enough.signal)]);
  signal.removeEventListener("abort", forward);
  enough.abort();
}
