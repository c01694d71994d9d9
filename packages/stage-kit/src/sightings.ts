import {
  AcquireLeasesRequest_Lane,
  type Finish,
  type FinishAnswer,
  type Lease,
} from "@heimdex/contracts/stage/v1/work_service";
import type { Call } from "./call.ts";
import type { Recorder } from "./recorder.ts";

/** A lease as the worker got it. Times by `performance.now()`. */
export interface Given {
  readonly lease: Lease;
  readonly session: string;
  /** When the answer that brought it was sent. */
  readonly atMs: number;
}

/** An attempt and what the worker said of it last. */
export interface Ended {
  readonly given: Given;
  readonly finish: Finish | undefined;
  readonly answer: FinishAnswer | undefined;
}

/** What was seen of the worker, as far as it is about the stage under test. */
export class Sightings {
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** Name of the stage under test. */
  get stage(): string {
    return this.#recorder.stage ?? "";
  }

  /** The newest session in which the stage was registered. */
  get session(): string {
    const call = this.#recorder.of("registerStage").findLast((each) => this.isOurs(each) && each.answer !== undefined);
    return call?.session ?? "";
  }

  /** Registrations of the stage under test, in order. */
  registrations(): Call<"registerStage">[] {
    return this.#recorder.of("registerStage").filter((call) => this.isOurs(call));
  }

  /** Whether a registration is that of the stage under test. */
  isOurs(call: Call<"registerStage">): boolean {
    return call.request.manifest?.name === this.stage;
  }

  /** The worker waits for work now: a poll for the stage in its newest session is under way. */
  isPolling(): boolean {
    return this.pollsUnderWay().length > 0;
  }

  /** Polls of the stage's batch lane that wait now, in the newest session. */
  pollsUnderWay(): Call<"acquireLeases">[] {
    const { session } = this;
    return this.polls().filter((call) => call.session === session && call.endMs === undefined);
  }

  /** Polls of the stage's batch lane.
   * @param sinceMs only those that began then or later */
  polls(sinceMs = 0): Call<"acquireLeases">[] {
    return this.#recorder
      .of("acquireLeases", sinceMs)
      .filter(({ request }) => request.lane !== AcquireLeasesRequest_Lane.INTERACTIVE && this.asked(request) > 0);
  }

  /** Leases of the stage that a poll asks for. */
  asked({ slots }: { slots: readonly { stage: string; count: number }[] }): number {
    return slots.reduce((sum, slot) => sum + (slot.stage === this.stage ? slot.count : 0), 0);
  }

  /** Leases of the stage that were given to the worker, in order.
   * @param job only of this one */
  given(job?: string): Given[] {
    return this.#recorder
      .of("acquireLeases")
      .flatMap((call) =>
        (call.isLost ? [] : (call.answer?.leases ?? []))
          .filter((lease) => lease.stage === this.stage && lease.job !== "" && (job === undefined || lease.job === job))
          .map((lease) => ({ lease, session: call.session, atMs: call.endMs ?? performance.now() })),
      );
  }

  /** The attempts of a job, with what the worker said of each last. */
  attempts(job: string): Ended[] {
    return this.given(job).map((given) => ({ given, ...this.lastFinish(given.lease.lease) }));
  }

  /** Calls that said how a lease ended. */
  finishesOf(lease: string): { call: Call<"finishLeases">; finish: Finish; answer: FinishAnswer | undefined }[] {
    return this.#recorder.of("finishLeases").flatMap((call) =>
      call.request.finishes
        .filter((finish) => finish.lease === lease)
        .map((finish) => ({
          call,
          finish,
          answer: call.isLost ? undefined : call.answer?.answers.find((answer) => answer.lease === lease),
        })),
    );
  }

  finishOf(lease: string): Finish | undefined {
    return this.finishesOf(lease).at(-1)?.finish;
  }

  lastFinish(lease: string): { finish: Finish | undefined; answer: FinishAnswer | undefined } {
    const last = this.finishesOf(lease).at(-1);
    return { finish: last?.finish, answer: last?.answer };
  }

  /** Calls that renewed a lease. */
  renewalsOf(lease: string): Call<"renewLeases">[] {
    return this.#recorder
      .of("renewLeases")
      .filter(({ request }) => request.renewals.some((renewal) => renewal.lease === lease));
  }

  /** Most leases the worker has asked for at once while it held none. */
  get capacity(): number {
    const polls = this.polls();
    const first = this.given()[0]?.atMs ?? Number.POSITIVE_INFINITY;
    const idle = polls.filter(({ atMs }) => atMs < first);
    const at = (atMs: number) =>
      idle.filter((poll) => poll.atMs <= atMs && (poll.endMs ?? Number.POSITIVE_INFINITY) > atMs);
    return Math.max(1, ...idle.map(({ atMs }) => at(atMs).reduce((sum, { request }) => sum + this.asked(request), 0)));
  }
}
