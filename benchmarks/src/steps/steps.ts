import { join } from "node:path";
import type { Benchmark, Figure, RunOptions } from "../common/benchmark.ts";
import { Children } from "../common/children.ts";
import { profileLines } from "../common/cpu-profile.ts";
import { processUsage } from "../common/machine.ts";
import { percentile, summarise } from "../common/statistics.ts";
import { measureBullmq, type PeerRun } from "./bullmq.ts";
import type { Answer, Order } from "./messages.ts";
import { type Shape, STEPS } from "./no-op-stages.ts";

interface Settings {
  readonly shape: Shape;
  readonly workers: number;
  readonly slots: number;
  readonly jobs: number;
  readonly inFlight: number;
  readonly repetitions: number;
}

type Measured = Answer & { kind: "measured" } & { readonly workerCpuMs: number };

/** Throughput and latency of the machinery around the stages: jobs of six steps that do nothing, through real worker processes. */
export const steps: Benchmark = {
  name: "steps",
  title:
    "6-step no-op jobs through worker processes over gRPC: steps/s, latency, catalog writes; the same through BullMQ",
  async run(options) {
    const common = options.smoke
      ? { workers: 1, slots: 4, jobs: 4, inFlight: 2, repetitions: 1 }
      : { workers: 2, slots: 32, jobs: 400, inFlight: 96, repetitions: 5 };
    const chain = await measure({ shape: "chain", ...common }, options);
    const aims = [{ least: 1000 }, { most: 3.5 }] as const;
    const figures = figuresOf("chain", chain.runs, ...aims);
    const notes = [...writeLines("chain", chain.runs), ...threadLines("chain", chain.runs), ...chain.notes];
    if (!options.smoke) {
      const fan = await measure({ shape: "fan", ...common }, options);
      figures.push(...figuresOf("fan", fan.runs, ...aims));
      notes.push(...writeLines("fan", fan.runs), ...threadLines("fan", fan.runs), ...fan.notes);
      const alone = { shape: "chain", ...common, jobs: 20, inFlight: 1, repetitions: 3 } as const;
      const single = await measure(alone, { ...options, profile: false });
      figures.push(...figuresOf("one job at a time", single.runs));
      const peer = await measureBullmq(common, options);
      if (typeof peer === "string") notes.push(`BullMQ was not measured: ${peer}`);
      else figures.push(...peerFigures(peer));
    }
    const { workers, slots, jobs, inFlight } = common;
    return {
      figures,
      conditions: { steps_per_job: STEPS, workers, slots_each: slots, jobs, in_flight: inFlight },
      notes,
    };
  },
};

function figuresOf(name: string, runs: readonly Measured[], rate?: Figure["aim"], writes?: Figure["aim"]): Figure[] {
  const figure = (what: string, unit: string, values: readonly number[], aim?: Figure["aim"]): Figure => {
    const spread = summarise(values);
    return { name: `${name}: ${what}`, unit, value: spread.median, spread, ...(aim === undefined ? {} : { aim }) };
  };
  const each = (value: (run: Measured) => number) => runs.map(value);
  return [
    figure(
      "throughput",
      "steps/s",
      each((run) => run.steps / (run.wallMs / 1000)),
      rate,
    ),
    figure(
      "ready to committed, p50",
      "ms",
      each((run) => percentile(run.latenciesMs, 50)),
    ),
    figure(
      "ready to committed, p95",
      "ms",
      each((run) => percentile(run.latenciesMs, 95)),
    ),
    figure(
      "catalog writes",
      "writes/step",
      each((run) => run.writes / run.steps),
      writes,
    ),
    figure(
      "orchestrator's CPU",
      "ms/step",
      each((run) => sum(Object.values(run.cpuMs)) / run.steps),
    ),
    figure(
      "of it its main thread",
      "ms/step",
      each((run) => (run.cpuMs.main ?? 0) / run.steps),
    ),
    figure(
      "workers' CPU",
      "ms/step",
      each((run) => run.workerCpuMs / run.steps),
    ),
  ];
}

function peerFigures(runs: readonly PeerRun[]): Figure[] {
  const [rate, cpu] = [summarise(runs.map((run) => run.stepsPerSecond)), summarise(runs.map((run) => run.cpuMs))];
  return [
    { name: "chain through BullMQ: throughput", unit: "steps/s", value: rate.median, spread: rate },
    { name: "chain through BullMQ: CPU of all processes", unit: "ms/step", value: cpu.median, spread: cpu },
  ];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** What is written, by collection of the catalog. */
function writeLines(name: string, runs: readonly Measured[]): string[] {
  const jobs = sum(runs.map((run) => run.jobsMs.length));
  const collections = [...new Set(runs.flatMap((run) => Object.keys(run.writesTo)))];
  const text = collections.map(
    (collection) => `${collection} ${(sum(runs.map((run) => run.writesTo[collection] ?? 0)) / jobs).toFixed(2)}`,
  );
  return [`catalog writes per job of ${STEPS} steps, ${name}: ${text.join(", ")}`];
}

/** CPU of the orchestrator process by thread, largest first. */
function threadLines(name: string, runs: readonly Measured[]): string[] {
  const steps = sum(runs.map((run) => run.steps));
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.cpuMs)))];
  const shares = names.map((thread) => ({ thread, ms: sum(runs.map((run) => run.cpuMs[thread] ?? 0)) / steps }));
  const text = shares
    .filter(({ ms }) => ms >= 0.005)
    .sort((a, b) => b.ms - a.ms)
    .map(({ thread, ms }) => `${thread} ${ms.toFixed(2)}`);
  return [`orchestrator's CPU by thread, ${name}, ms/step: ${text.join(", ")}`];
}

/** A fresh archive, orchestrator and workers; one run to warm up, then the repetitions. */
async function measure(settings: Settings, options: RunOptions): Promise<{ runs: Measured[]; notes: string[] }> {
  await using children = new Children(import.meta.url);
  const folder = join(options.folder, `${settings.shape}-${settings.inFlight}`);
  const orchestrator = children.start<Order, Answer>("orchestrator-process.ts", [folder]);
  const { address } = await orchestrator.answer("listening");
  const workers = Array.from({ length: settings.workers }, () =>
    children.start("worker-process.ts", [settings.shape, String(settings.slots)], {
      HEIMDEX_ORCHESTRATOR: address,
      HEIMDEX_LOG_LEVEL: "warn",
    }),
  );
  await orchestrator.ask({ kind: "await-workers", workers: workers.length, stages: STEPS }, "ready");
  const cpuOf = () => workers.reduce((total, { pid = 0 }) => total + (processUsage(pid)?.cpuMs ?? 0), 0);
  const { jobs, inFlight } = settings;
  options.say(`${settings.shape}, ${inFlight} in flight: warming up`);
  await orchestrator.ask({ kind: "run", jobs: jobs * 2, inFlight, profile: "" }, "measured");
  const runs: Measured[] = [];
  for (let at = 0; at < settings.repetitions; at++) {
    const before = cpuOf();
    const run = await orchestrator.ask({ kind: "run", jobs, inFlight, profile: "" }, "measured");
    runs.push({ ...run, workerCpuMs: cpuOf() - before });
    options.say(`${settings.shape}, ${inFlight} in flight: ${(run.steps / (run.wallMs / 1000)).toFixed(0)} steps/s`);
  }
  if (!options.profile) return { runs, notes: [] };
  // A run of its own: profiling slows what it looks at.
  const file = join(process.cwd(), `steps-${settings.shape}.cpuprofile`);
  const { profile } = await orchestrator.ask({ kind: "run", jobs, inFlight, profile: file }, "measured");
  if (profile === undefined) return { runs, notes: [] };
  return { runs, notes: profileLines(`orchestrator's main thread, ${settings.shape} (${file})`, profile) };
}
