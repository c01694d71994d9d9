import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { PLANS_ID, type PlansRecord, planDigest, planMarks, planSteps } from "@heimdex/kernel";
import { DEFAULT_ORCHESTRATOR_CONFIG, startOrchestrator } from "@heimdex/orchestrator";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { startTelemetry } from "@heimdex/telemetry";
import type { Benchmark, RunOptions } from "../common/benchmark.ts";
import { profileLines, profileThread } from "../common/cpu-profile.ts";
import { type Summary, summarise } from "../common/statistics.ts";
import { makeArchive, markPlanned } from "./made-archive.ts";
import { MADE_STAGES } from "./made-stages.ts";

const PAGE = 500;

interface Reply {
  readonly reruns?: readonly unknown[];
  readonly upToDate?: number;
  readonly stages?: readonly { readonly cached?: number; readonly run?: number; readonly unknown?: number }[];
  readonly nextPageToken?: string;
}

/** How fast an archive that does not change is planned anew: page by page over the bus, as `heimdex rerun --dry-run` has it done. */
export const replan: Benchmark = {
  name: "replan",
  title: "Re-plan of unchanged assets, by their keys and by their plan: assets/s",
  async run(options) {
    const [assets, repetitions] = options.smoke ? [30, 1] : [10_000, 5];
    await mkdir(options.folder, { recursive: true });
    await using telemetry = startTelemetry("bench", { logLevel: "warn" });
    await using catalog = await SqliteCatalog.open(join(options.folder, "catalog.sqlite"));
    await using bus = new MemoryBus({ onError: (error) => telemetry.log.error({ err: error }, "bus") });
    await using blobs = await FolderBlobs.open(join(options.folder, "blobs"));
    await using index = await LanceMomentIndex.open(join(options.folder, "index"), {
      analyze,
      analyzerId: ANALYZER_ID,
    });
    // Before the orchestrator looks: it would index anew what an index of another form held.
    await catalog.write([
      { op: "put", collection: "meta", id: "index-format", terms: [], sort: "", body: { format: index.format } },
    ]);
    await makeArchive(catalog, assets);
    options.say(`${assets} assets made`);
    await using _orchestrator = await startOrchestrator(
      { catalog, bus, blobs, index },
      {
        ...DEFAULT_ORCHESTRATOR_CONFIG,
        workerAddress: "127.0.0.1:0",
        dataAddress: "127.0.0.1:0",
        runFolder: join(options.folder, "run"),
        signingKey: new Uint8Array(32).fill(7),
        soleHost: true,
      },
      telemetry,
    );
    const byKeys = await measure(bus, assets, repetitions, options, "by their keys", (reply) => {
      const steps = (reply.reruns?.length ?? 0) * MADE_STAGES.length;
      const cached = reply.stages?.reduce((sum, stage) => sum + (stage.cached ?? 0), 0);
      if (cached !== steps) throw new Error(`of ${steps} steps ${cached} are cached`);
      return reply.reruns?.length ?? 0;
    });
    const notes: string[] = [];
    if (options.profile) {
      const file = join(process.cwd(), "replan.cpuprofile");
      const stop = await profileThread();
      await pass(bus, () => 0);
      notes.push(...profileLines(`main thread, by keys (${file})`, await stop(file)));
    }
    const marks = planMarks(planSteps(MADE_STAGES), "");
    const digest = planDigest(marks);
    const plans: PlansRecord = { current: marks, known: { [digest]: marks } };
    await catalog.write([{ op: "put", collection: "meta", id: PLANS_ID, terms: [], sort: "", body: plans }]);
    await markPlanned(catalog, assets, digest);
    const byPlan = await measure(bus, assets, repetitions, options, "by their plan", ({ upToDate = 0 }) => upToDate);
    return {
      figures: [
        {
          name: "tried in full, by keys",
          unit: "assets/s",
          value: byKeys.rate.median,
          spread: byKeys.rate,
          aim: { least: 3000 },
        },
        { name: "tried in full, by keys: CPU", unit: "ms/asset", value: byKeys.cpu.median, spread: byKeys.cpu },
        { name: "known by their plan", unit: "assets/s", value: byPlan.rate.median, spread: byPlan.rate },
        { name: "known by their plan: CPU", unit: "ms/asset", value: byPlan.cpu.median, spread: byPlan.cpu },
      ],
      conditions: { assets, stages: MADE_STAGES.length, page: PAGE, repetitions },
      notes,
    };
  },
};

async function measure(
  bus: MemoryBus,
  assets: number,
  repetitions: number,
  { say }: RunOptions,
  name: string,
  count: (reply: Reply) => number,
): Promise<{ readonly rate: Summary; readonly cpu: Summary }> {
  await pass(bus, count); // warms up
  const rates: number[] = [];
  const cpus: number[] = [];
  for (let at = 0; at < repetitions; at++) {
    const [began, cpuBefore] = [performance.now(), process.cpuUsage()];
    const counted = await pass(bus, count);
    rates.push(assets / ((performance.now() - began) / 1000));
    const { user, system } = process.cpuUsage(cpuBefore);
    cpus.push((user + system) / 1000 / assets);
    if (counted !== assets) throw new Error(`${counted} of ${assets} assets were as expected`);
    say(`${name}: ${rates.at(-1)?.toFixed(0)} assets/s`);
  }
  return { rate: summarise(rates), cpu: summarise(cpus) };
}

/** Goes once over all assets. Sums what is counted. */
async function pass(bus: MemoryBus, count: (reply: Reply) => number): Promise<number> {
  let [token, sum] = ["", 0];
  do {
    const request = { dry_run: true, page_size: PAGE, page_token: token };
    const payload = { tenant: "default", request };
    const reply = (await bus.request("api.JobService.RerunAssets", payload, { timeoutMs: 60_000 })) as Reply;
    sum += count(reply);
    token = reply.nextPageToken ?? "";
  } while (token !== "");
  return sum;
}
