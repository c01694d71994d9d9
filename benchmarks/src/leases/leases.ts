import { join } from "node:path";
import type { Benchmark, Figure, RunOptions } from "../common/benchmark.ts";
import { type Child, Children } from "../common/children.ts";
import { percentile, summarise } from "../common/statistics.ts";
import type { Answer, Order } from "../steps/messages.ts";
import type { CrowdAnswer, CrowdOrder } from "./messages.ts";

/** Of the orchestrator whose workers are killed: short, so that the benchmark is. What counts is what comes on top. */
const KILL_TTL_MS = 3_000;

interface Settings {
  /** Idle workers, one slot each. */
  readonly idle: readonly number[];
  /** Jobs of one step, one at a time, and as many at a time as `inFlight`. */
  readonly jobs: number;
  readonly inFlight: number;
  readonly repetitions: number;
  readonly kills: number;
  /** Sessions that renew, one lease each. */
  readonly renewing: number;
  readonly renewForMs: number;
}

type Orchestrator = Child<Order, Answer>;
type Crowd = Child<CrowdOrder, CrowdAnswer>;

/** What leases cost: from ready to leased however many workers wait, from a worker's death to the next attempt, and renewals. */
export const leases: Benchmark = {
  name: "leases",
  title: "From ready to leased with 1, 10 and 100 idle workers; from a worker's death to the next attempt; renewals/s",
  async run(options) {
    const settings: Settings = options.smoke
      ? { idle: [1, 3], jobs: 3, inFlight: 2, repetitions: 1, kills: 1, renewing: 2, renewForMs: 200 }
      : { idle: [1, 10, 100], jobs: 300, inFlight: 32, repetitions: 3, kills: 5, renewing: 200, renewForMs: 10_000 };
    const figures: Figure[] = [];
    for (const idle of settings.idle) figures.push(...(await waits(idle, settings, options)));
    figures.push(await deaths(settings, options), ...(await renewals(settings, options)));
    const { jobs, inFlight, kills, renewing } = settings;
    return {
      figures,
      conditions: {
        steps_per_job: 1,
        jobs,
        in_flight: inFlight,
        kills,
        lease_ttl_ms_of_the_killed: KILL_TTL_MS,
        renewing,
      },
    };
  },
};

async function startAll(
  children: Children,
  folder: string,
  workers: number,
  settings: object = {},
): Promise<{ orchestrator: Orchestrator; address: string; crowd: Crowd }> {
  const orchestrator: Orchestrator = children.start("../steps/orchestrator-process.ts", [
    folder,
    JSON.stringify(settings),
  ]);
  const { address } = await orchestrator.answer("listening");
  const crowd: Crowd = children.start("crowd-process.ts", [address, String(workers)]);
  await crowd.answer("connected");
  return { orchestrator, address, crowd };
}

/** Steps with so many idle workers: latency one at a time, rate with many in flight. */
async function waits(idle: number, settings: Settings, { folder, say }: RunOptions): Promise<Figure[]> {
  await using children = new Children(import.meta.url);
  const { orchestrator, crowd } = await startAll(children, join(folder, `idle-${idle}`), idle);
  await crowd.ask({ kind: "work" }, "working");
  await orchestrator.ask({ kind: "await-workers", workers: idle, stages: 1 }, "ready");
  const { jobs, inFlight, repetitions } = settings;
  const run = (count: number, together: number) =>
    orchestrator.ask({ kind: "run", jobs: count, inFlight: together, profile: "" }, "measured");
  await run(jobs, inFlight); // warms up
  const single: (Answer & { kind: "measured" })[] = [];
  const many: (Answer & { kind: "measured" })[] = [];
  for (let at = 0; at < repetitions; at++) {
    single.push(await run(jobs, 1));
    many.push(await run(jobs, inFlight));
    say(`${idle} idle: ${rateOf(many.at(-1) as Answer & { kind: "measured" }).toFixed(0)} steps/s`);
  }
  const figure = (what: string, unit: string, values: readonly number[]): Figure => {
    const spread = summarise(values);
    return { name: `${idle} idle: ${what}`, unit, value: spread.median, spread };
  };
  return [
    ...([50, 95] as const).flatMap((rank) => [
      figure(
        `ready to leased, p${rank}`,
        "ms",
        single.map(({ waitsMs }) => percentile(waitsMs, rank)),
      ),
      figure(
        `ready to committed, p${rank}`,
        "ms",
        single.map(({ latenciesMs }) => percentile(latenciesMs, rank)),
      ),
    ]),
    figure("orchestrator's CPU, one at a time", "ms/step", single.map(cpuOf)),
    figure("throughput", "steps/s", many.map(rateOf)),
    figure("orchestrator's CPU", "ms/step", many.map(cpuOf)),
  ];
}

const rateOf = ({ steps, wallMs }: Answer & { kind: "measured" }) => steps / (wallMs / 1000);
const cpuOf = ({ cpuMs, steps }: Answer & { kind: "measured" }) =>
  Object.values(cpuMs).reduce((sum, ms) => sum + ms, 0) / steps;

/** From `kill -9` of a worker whose lease has just been renewed until another worker has the step's next attempt. */
async function deaths({ kills }: Settings, { folder, say }: RunOptions): Promise<Figure> {
  await using children = new Children(import.meta.url);
  const times: number[] = [];
  for (let at = 0; at < kills; at++) {
    const settings = { leaseTtlMs: KILL_TTL_MS };
    const { orchestrator, address, crowd: victim } = await startAll(children, join(folder, `kill-${at}`), 1, settings);
    const holding = victim.ask({ kind: "hold" }, "holding");
    await orchestrator.ask({ kind: "await-workers", workers: 1, stages: 1 }, "ready");
    const done = orchestrator.ask({ kind: "run", jobs: 1, inFlight: 1, profile: "" }, "measured");
    const heir: Crowd = children.start("crowd-process.ts", [address, "1"]);
    await Promise.all([holding, heir.answer("connected")]);
    await victim.ask({ kind: "renew", forMs: 1 }, "renewed");
    const killedAtMs = Date.now();
    await victim.kill();
    await heir.ask({ kind: "work" }, "working");
    const [{ atMs }] = await Promise.all([heir.answer("again"), done]);
    times.push(atMs - killedAtMs);
    say(
      `the next attempt began ${atMs - killedAtMs} ms after the worker was killed, its leases living ${KILL_TTL_MS} ms`,
    );
    await heir.stop();
    await orchestrator.stop();
  }
  const spread = summarise(times);
  return {
    name: `kill to next attempt, leases living ${KILL_TTL_MS} ms`,
    unit: "ms",
    value: spread.median,
    spread,
    aim: { most: KILL_TTL_MS + 2_000 },
  };
}

/** Each session renews one lease as fast as it is answered. */
async function renewals({ renewing, renewForMs }: Settings, { folder, say }: RunOptions): Promise<Figure[]> {
  await using children = new Children(import.meta.url);
  const { orchestrator, crowd } = await startAll(children, join(folder, "renewals"), renewing);
  const holding = crowd.ask({ kind: "hold" }, "holding");
  await orchestrator.ask({ kind: "await-workers", workers: renewing, stages: 1 }, "ready");
  // It is never done with these jobs: the benchmark ends while they are held.
  void orchestrator
    .ask({ kind: "run", jobs: renewing, inFlight: renewing, profile: "" }, "measured")
    .catch(() => undefined);
  await holding;
  const { wallMs, callsMs } = await crowd.ask({ kind: "renew", forMs: renewForMs }, "renewed");
  const perSecond = callsMs.length / (wallMs / 1000);
  say(`${perSecond.toFixed(0)} renewals/s`);
  return [
    { name: `${renewing} sessions: renewals`, unit: "calls/s", value: perSecond },
    { name: `${renewing} sessions: a renewal, p50`, unit: "ms", value: percentile(callsMs, 50) },
    { name: `${renewing} sessions: a renewal, p95`, unit: "ms", value: percentile(callsMs, 95) },
  ];
}
