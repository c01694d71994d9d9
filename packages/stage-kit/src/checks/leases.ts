import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import { Broken, type Check, DoesNotApply } from "../check.ts";
import type { Ended, Given } from "../sightings.ts";
import { supersede } from "../supersede.ts";
import { FIRST_RENEWAL_MS, RECOVER_MS, RENEW_EVERY_MS } from "../times.ts";
import { handsFull } from "./polls.ts";

/** How long an attempt under load is watched at most. */
const LOADED_MS = 20_000;
/** How long an attempt that is told to stop may take to do so. */
const STOP_MS = 7_500;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Longest time between renewals of a lease from its first one on, in ms. */
function longestGapMs(bench: Bench, lease: string, untilMs: number): number {
  const at = bench.seen
    .renewalsOf(lease)
    .map(({ atMs }) => atMs)
    .filter((atMs) => atMs < untilMs);
  return Math.max(0, ...at.map((atMs, index) => (at[index + 1] ?? untilMs) - atMs));
}

/** How long a lease waited for its first renewal, in ms; undefined when none came before `untilMs`. */
function firstRenewalMs(bench: Bench, { lease, atMs }: Given, untilMs: number): number | undefined {
  const first = bench.seen.renewalsOf(lease.lease)[0];
  return first === undefined || first.atMs > untilMs ? undefined : first.atMs - atMs;
}

/** Ten minutes of film, watched until the attempt ends or has been at work for a while; then it is cancelled. */
export function longFilm(bench: Bench): Promise<{ given: Given; untilMs: number }> {
  return bench.scene("long film", async () => {
    const { job, sourceName } = await bench.begin("long", "ten-minutes", { withPaths: true });
    const given = await bench.until(() => bench.seen.given(job)[0], RECOVER_MS);
    if (given === undefined) throw new Broken(`no lease of a long film was taken within ${RECOVER_MS / 1000} s`);
    const id = given.lease.lease;
    await bench.until(() => bench.seen.finishOf(id) !== undefined || bench.worker.exit !== undefined, LOADED_MS);
    const untilMs = bench.seen.finishesOf(id)[0]?.call.atMs ?? performance.now();
    if (bench.seen.finishOf(id) === undefined) await bench.server.cancelJob(job);
    else await bench.ended(job, sourceName);
    return { given, untilMs };
  });
}

/** A film whose attempt is taken away by the kit just as the worker says that it is done; the second attempt counts. */
export function doneTooLate(bench: Bench): Promise<readonly Ended[]> {
  return bench.scene("done too late", async () => {
    const { job, sourceName } = await bench.begin("plain", "done-too-late");
    let taken: string | undefined;
    const end = bench.recorder.intercept("finishLeases", {
      async before(call) {
        const given = bench.seen
          .given(job)
          .find(({ lease }) => call.request.finishes.some((f) => f.lease === lease.lease));
        if (given === undefined || taken !== undefined) return;
        taken = given.lease.lease;
        await supersede(bench, given);
      },
    });
    try {
      const { attempts } = await bench.ended(job, sourceName);
      await delay(RENEW_EVERY_MS); // for what it should not say
      return attempts;
    } finally {
      end();
    }
  });
}

export const leases: readonly Check[] = [
  {
    id: "HX-STG-006",
    title: "renews a new lease in time",
    proves: "the server knows 2 s after a lease was given that somebody works on it",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.RenewLeases",
        says: "2 s after receiving a lease that is not finished by then.",
      },
      {
        file: "work_service.proto",
        at: "WorkService",
        says: "A pending lease becomes active by its first renewal and is lost when neither renewed nor",
      },
    ],
    async run(bench) {
      const { leases: held, sinceMs, untilMs } = await handsFull(bench);
      const limitMs = FIRST_RENEWAL_MS + bench.leewayMs(sinceMs);
      const old = held.filter(({ atMs }) => untilMs - atMs > limitMs);
      const times = old.map((given) => firstRenewalMs(bench, given, untilMs));
      if (times.includes(undefined))
        throw new Broken(`a lease held for ${seconds(untilMs - (held[0]?.atMs ?? 0))} was not renewed`);
      const longest = Math.max(...(times as number[]));
      if (longest > limitMs) throw new Broken(`the first renewal came ${seconds(longest)} after the lease`);
      return `first renewal after ${seconds(longest)}`;
    },
  },
  {
    id: "HX-STG-007",
    title: "renews as often as the server says",
    proves: "the worker goes by `renew_every`, not by a time of its own, and keeps its leases",
    contract: [
      { file: "work_service.proto", at: "WorkService.RenewLeases", says: "call it every `renew_every`" },
      { file: "work_service.proto", at: "OpenSessionResponse.renew_every", says: "How often to renew." },
    ],
    async run(bench) {
      const { leases: held, sinceMs, untilMs } = await handsFull(bench);
      const renewed = held.filter(({ lease }) => bench.seen.renewalsOf(lease.lease).length > 0);
      if (renewed.length === 0) throw new DoesNotApply("no lease was renewed at all");
      const longest = Math.max(...renewed.map(({ lease }) => longestGapMs(bench, lease.lease, untilMs)));
      if (longest > RENEW_EVERY_MS + bench.leewayMs(sinceMs))
        throw new Broken(`${seconds(longest)} passed between two renewals; renew_every is ${seconds(RENEW_EVERY_MS)}`);
      return `${seconds(longest)} between renewals at most`;
    },
  },
  {
    id: "HX-STG-008",
    title: "lists all its leases in each renewal",
    proves: "a worker with several leases keeps them all: one that is not listed counts as given back",
    contract: [
      { file: "work_service.proto", at: "WorkService.RenewLeases", says: "Renews all leases the session holds" },
      {
        file: "work_service.proto",
        at: "WorkService.RenewLeases",
        says: "A lease held by the session and not listed counts as given back.",
      },
    ],
    async run(bench) {
      const { leases: held, sinceMs, untilMs } = await handsFull(bench);
      for (const [session, together] of Map.groupBy(held, (given) => given.session)) {
        if (together.length < 2) continue;
        const fromMs = Math.max(...together.map(({ atMs }) => atMs)) + FIRST_RENEWAL_MS + bench.leewayMs(sinceMs);
        const calls = bench.recorder
          .of("renewLeases", fromMs)
          .filter((call) => call.session === session && call.atMs < untilMs);
        if (calls.length === 0) throw new DoesNotApply("there was no renewal to look at");
        for (const { request } of calls) {
          const missing = together.filter(
            ({ lease }) => !request.renewals.some((renewal) => renewal.lease === lease.lease),
          );
          if (missing.length > 0)
            throw new Broken(
              `holding ${together.length} leases, it sent a renewal that lists ${together.length - missing.length} of them`,
            );
        }
        return `${together.length} leases in each of ${calls.length} renewals`;
      }
      throw new DoesNotApply("the worker takes one lease at a time");
    },
  },
  {
    id: "HX-STG-009",
    title: "goes on renewing while its work keeps the machine busy",
    proves: "renewals do not come from the thread that does the work",
    contract: [
      { file: "work_service.proto", at: "WorkService.RenewLeases", says: "Never from the\nthread that does the work." },
    ],
    async run(bench) {
      const { given, untilMs } = await longFilm(bench);
      const id = given.lease.lease;
      const tookMs = untilMs - given.atMs;
      const leewayMs = bench.leewayMs(given.atMs);
      if (tookMs < FIRST_RENEWAL_MS + leewayMs)
        throw new DoesNotApply(`ten minutes of film take the stage ${seconds(tookMs)}: too short to be renewed`);
      const firstMs = firstRenewalMs(bench, given, untilMs);
      if (firstMs === undefined || firstMs > FIRST_RENEWAL_MS + leewayMs)
        throw new Broken(
          `at work on ten minutes of film for ${seconds(tookMs)}, it first renewed ${firstMs === undefined ? "never" : `after ${seconds(firstMs)}`}`,
        );
      const gapMs = longestGapMs(bench, id, untilMs);
      if (gapMs > RENEW_EVERY_MS + 2 * leewayMs)
        throw new Broken(`at work on ten minutes of film, it let ${seconds(gapMs)} pass between two renewals`);
      return `${seconds(tookMs)} of work, ${seconds(gapMs)} between renewals at most`;
    },
  },
  {
    id: "HX-STG-010",
    title: "reports progress that does not go backwards",
    proves: "people see how far it is, and the stall timeout measures what it is meant to",
    contract: [
      { file: "work_service.proto", at: "Renewal.progress", says: "How far it is." },
      { file: "work_service.proto", at: "Progress.done", says: "Units done." },
    ],
    async run(bench) {
      await handsFull(bench);
      const last = new Map<string, number>();
      let reports = 0;
      for (const { request } of bench.recorder.of("renewLeases")) {
        for (const { lease, progress } of request.renewals) {
          if (progress === undefined) continue;
          const { done, unit } = progress;
          if (done > 0) reports++;
          if (done < (last.get(lease) ?? 0))
            throw new Broken(`it reported ${last.get(lease)} ${unit} done and then ${done} of the same attempt`);
          last.set(lease, done);
        }
      }
      if (reports === 0)
        throw new DoesNotApply("no renewal carried progress: the attempts that were seen had none to report");
      return `${reports} reports`;
    },
  },
  {
    id: "HX-STG-011",
    title: "stops when a lease is LOST, and says nothing more about it",
    proves: "work that nobody wants any more ends, and its slot is free again",
    contract: [
      {
        file: "work_service.proto",
        at: "RenewalAnswer.Verdict.LOST",
        says: "It is no longer this session's: stop and say nothing more about it.",
      },
    ],
    async run(bench) {
      const held = await bench.hold("lost", 1);
      const id = held.lease.lease;
      try {
        await supersede(bench, held);
        const told = await bench.until(
          () =>
            bench.seen
              .renewalsOf(id)
              .find(({ answer }) => answer?.answers.some(({ lease, verdict }) => lease === id && verdict === "LOST")),
          RECOVER_MS,
        );
        if (told === undefined) throw new DoesNotApply("the lease was not renewed: the worker could not be told");
        const toldMs = told.endMs ?? performance.now();
        const again = await bench.until(() => bench.seen.given(held.job).length > 1, STOP_MS);
        if (again === undefined)
          throw new Broken(
            `told that its lease was LOST it went on for ${seconds(STOP_MS)}: the same step was not taken again`,
          );
        await bench.ended(held.job, held.sourceName);
        await delay(Math.max(0, toldMs + bench.leewayMs(toldMs) + 2 * RENEW_EVERY_MS - performance.now()));
        const leewayMs = bench.leewayMs(toldMs);
        const renewals = bench.seen.renewalsOf(id).filter(({ atMs }) => atMs > toldMs + leewayMs);
        if (renewals.length > 0)
          throw new Broken(`it went on renewing a lease that it was told is LOST, ${renewals.length} times`);
        const finish = bench.seen.finishesOf(id).find(({ call }) => call.atMs > toldMs);
        if (finish !== undefined)
          throw new Broken(
            `it finished a lease that it was told is LOST, as ${finish.finish.outcome?.$case ?? "nothing"}`,
          );
        return "it stopped, and took the same step again as a new lease";
      } finally {
        bench.gate.release(held.sourceName);
      }
    },
  },
  {
    id: "HX-STG-012",
    title: "drops a result that comes too late",
    proves: "an answer SUPERSEDED ends the matter: the result is neither sent again nor does it stop the worker",
    contract: [
      {
        file: "work_service.proto",
        at: "FinishAnswer.Result.SUPERSEDED",
        says: "The lease was no longer this session's: nothing changed.",
      },
      {
        file: "work_service.proto",
        at: "WorkService",
        says: "what the first still sends is answered LEASE_SUPERSEDED and changes nothing.",
      },
    ],
    async run(bench) {
      const [first] = await doneTooLate(bench);
      const id = first?.given.lease.lease ?? "";
      const times = bench.seen.finishesOf(id);
      if (times[0]?.answer?.result !== "SUPERSEDED") throw new DoesNotApply("no result could be made to come too late");
      if (times.length > 1) throw new Broken(`it sent a result that was answered SUPERSEDED ${times.length} times`);
      return "it sent the late result once, and did the step again as a new lease";
    },
  },
];
