import type { Bus, Subscription } from "@heimdex/ports";
import type { Log } from "@heimdex/telemetry";
import type { QueuedJob } from "./intake.ts";
import type { ReadyStep } from "./scheduler.ts";

/** A job was written. */
export interface JobChange {
  readonly job: string;
  readonly version: number;
  readonly settled: boolean;
  /** The leases that it now holds. */
  readonly leases: readonly string[];
}

/** What a replica does when it hears from another. */
export interface PeerHandlers {
  readonly onJob: (change: JobChange) => void;
  readonly onSession: (session: string, isClosed: boolean) => void;
  readonly onReady: (step: ReadyStep) => void;
  readonly onQueued: (job: QueuedJob) => void;
  readonly onSidecar: (asset: string) => void;
  /** Whoever did the upkeep has left it. */
  readonly onVacant: () => void;
  /** What another replica said may have been lost. */
  readonly onMissed: () => void;
}

interface Envelope {
  readonly from: string;
}

/** What the replicas of one archive tell each other. All of it is hints: who misses one finds the same in the catalog later. */
export class Peers {
  readonly #bus: Bus;
  readonly #self: string;
  readonly #isAlone: boolean;
  readonly #log: Log;

  /** @param self this replica
   * @param isAlone there are no others: only what others follow too is said, and nothing is heard */
  constructor(bus: Bus, self: string, isAlone: boolean, log: Log) {
    this.#bus = bus;
    this.#self = self;
    this.#isAlone = isAlone;
    this.#log = log;
  }

  /** Gateways follow it, too. */
  jobChanged({ job, ...change }: JobChange): void {
    this.#say(`events.job.${job}`, change);
  }

  /** The job's asset answers searches with what the job found. Gateways follow it. */
  jobSearchable(job: string): void {
    this.#say(`events.job.${job}`, {});
  }

  /** No poll here took it. */
  stepReady(step: ReadyStep): void {
    if (!this.#isAlone) this.#say(`work.ready.${step.stage}`, step);
  }

  jobQueued({ id, priority, turn, sourceUri }: QueuedJob): void {
    if (!this.#isAlone) this.#say("work.queued", { id, priority, turn, sourceUri });
  }

  sidecarWritten(asset: string): void {
    if (!this.#isAlone) this.#say("work.sidecar", { asset });
  }

  sessionChanged(session: string, isClosed: boolean): void {
    if (!this.#isAlone) this.#say(`events.session.${session}`, { isClosed });
  }

  upkeepVacant(): void {
    if (!this.#isAlone) this.#say("events.upkeep", {});
  }

  /** What was said while the bus was away may be lost. */
  mayHaveMissed(): void {
    if (!this.#isAlone) this.#say("work.missed", {});
  }

  async listen(handlers: PeerHandlers): Promise<Subscription[]> {
    if (this.#isAlone) return [];
    const hear = <P>(subject: string, handler: (payload: P, name: string) => void) =>
      this.#bus.subscribe(subject, (payload, full) => {
        if ((payload as Envelope).from !== this.#self) handler(payload as P, full.slice(subject.length - 1));
      });
    return Promise.all([
      hear<Omit<JobChange, "job">>("events.job.>", (change, job) => {
        if (change.version !== undefined) handlers.onJob({ ...change, job });
      }),
      hear<{ isClosed: boolean }>("events.session.>", ({ isClosed }, session) => handlers.onSession(session, isClosed)),
      hear<ReadyStep & Envelope>("work.ready.>", ({ from: _, ...step }) => handlers.onReady(step)),
      hear<QueuedJob>("work.queued", handlers.onQueued),
      hear<{ asset: string }>("work.sidecar", ({ asset }) => handlers.onSidecar(asset)),
      hear("events.upkeep", () => handlers.onVacant()),
      hear("work.missed", () => handlers.onMissed()),
    ]);
  }

  #say(subject: string, payload: object): void {
    this.#bus
      .publish(subject, { ...payload, from: this.#self })
      .catch((reason: unknown) => this.#log.warn({ err: reason, subject }, "a change could not be announced"));
  }
}
