import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import type { Call } from "../call.ts";
import { Broken, type Check, DoesNotApply } from "../check.ts";
import type { Given } from "../sightings.ts";
import { FIRST_RENEWAL_MS, MAX_WAIT_MS, RENEW_EVERY_MS } from "../times.ts";

/** How long an idle worker is watched. */
const IDLE_MS = 4_000;
/** Polls a second of an idle worker beyond which it is busy asking. */
const BUSY_POLLS_PER_SECOND = 3;
/** How long leases are held at least: the first renewal and two more. */
const HELD_MS = FIRST_RENEWAL_MS + 2 * RENEW_EVERY_MS;
const MOST_HELD = 4;

/** Polls of a worker that has nothing to do. */
function idlePolls(bench: Bench): Promise<Call<"acquireLeases">[]> {
  return bench.scene("idle", async () => {
    const sinceMs = performance.now();
    await delay(IDLE_MS);
    return bench.seen.polls(sinceMs);
  });
}

/** What was seen of a worker that had its hands full. Times by `performance.now()`. */
export interface HandsFull {
  readonly leases: readonly Given[];
  /** When the first of them had been taken, and the others could be. */
  readonly sinceMs: number;
  /** When the inputs were let go. */
  readonly untilMs: number;
}

/** Gives the worker as many leases as it asks for, and one more file waits; their inputs are held back for a while. */
export function handsFull(bench: Bench): Promise<HandsFull> {
  return bench.scene("hands full", async () => {
    const { capacity } = bench.seen;
    const first = await bench.hold("hands-full");
    const more = Array.from({ length: Math.min(capacity, MOST_HELD) }, () =>
      bench.begin("plain", "hands-full", { held: Number.POSITIVE_INFINITY }),
    );
    const files = [first, ...(await Promise.all(more))];
    const sinceMs = performance.now();
    // Long enough that the worker cannot be judged slow for what would have come a moment later.
    for (let leftMs = HELD_MS; leftMs > 0; ) {
      await delay(leftMs);
      leftMs = sinceMs + HELD_MS + bench.leewayMs(sinceMs) - performance.now();
    }
    const untilMs = performance.now();
    const leases = files.flatMap(({ job }) => bench.seen.given(job));
    const ended = leases.filter(({ lease }) => bench.seen.finishOf(lease.lease) !== undefined);
    for (const { sourceName } of files) bench.gate.release(sourceName);
    for (const { job, sourceName } of files) await bench.ended(job, sourceName);
    if (ended.length > 0)
      throw new DoesNotApply("an attempt ended while its inputs were held back: the stage does not wait for them");
    return { leases, sinceMs, untilMs };
  });
}

export const polls: readonly Check[] = [
  {
    id: "HX-STG-003",
    title: "waits for work on the server",
    proves: "work starts as soon as there is some, without a pause of the worker's own in between",
    contract: [
      { file: "work_service.proto", at: "WorkService.AcquireLeases", says: "waits for it up to `wait`: long poll." },
    ],
    async run(bench) {
      const seen = await idlePolls(bench);
      const waits = seen.map(({ request }) => (request.wait?.seconds ?? 0) * 1000 + (request.wait?.nanos ?? 0) / 1e6);
      const least = Math.min(...waits);
      if (least < MAX_WAIT_MS / 2)
        throw new Broken(`idle, it asked for work with a wait of ${least} ms, though max_wait is ${MAX_WAIT_MS} ms`);
      return `${seen.length} polls in ${IDLE_MS / 1000} s, each waiting ${least} ms or more`;
    },
  },
  {
    id: "HX-STG-004",
    title: "does not ask over and over while there is no work",
    proves: "idle workers cost the server next to nothing",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.AcquireLeases",
        says: "An empty answer is normal: ask again.",
      },
      {
        file: "work_service.proto",
        at: "AcquireLeasesRequest.wait",
        says: "How long to wait for work, up to `max_wait`.",
      },
    ],
    async run(bench) {
      const seen = await idlePolls(bench);
      const most = Math.max(BUSY_POLLS_PER_SECOND, bench.seen.capacity) * (IDLE_MS / 1000);
      if (seen.length > most) throw new Broken(`idle, it asked ${seen.length} times in ${IDLE_MS / 1000} s`);
      return `${seen.length} polls in ${IDLE_MS / 1000} s`;
    },
  },
  {
    id: "HX-STG-005",
    title: "asks for no more leases than it can work on",
    proves: "no file waits in one worker while another is idle",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.AcquireLeases",
        says: "Ask for exactly as many leases as there are free slots.",
      },
    ],
    async run(bench) {
      const { leases, sinceMs, untilMs } = await handsFull(bench);
      const begun = (lease: string) =>
        bench.gate.readings.some((reading) => reading.lease === lease && reading.atMs < untilMs);
      const enoughMs = FIRST_RENEWAL_MS + bench.leewayMs(sinceMs);
      const waiting = leases.filter(({ lease, atMs }) => untilMs - atMs > enoughMs && !begun(lease.lease));
      if (waiting.length > 0)
        throw new Broken(
          `it took ${leases.length} leases and had not begun to read the inputs of ${waiting.length} of them ${(enoughMs / 1000).toFixed(1)} s later`,
        );
      return `${leases.length} leases at once, all of them begun`;
    },
  },
];
