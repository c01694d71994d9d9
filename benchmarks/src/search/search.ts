import { join } from "node:path";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { SearchServiceDefinition } from "@heimdex/contracts/v1/search";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { createChannel, createClient } from "nice-grpc";
import type { Benchmark, Figure } from "../common/benchmark.ts";
import { startUp, treeCpu, type Up } from "../common/heimdex.ts";
import { percentile } from "../common/statistics.ts";
import { MadeMoments } from "./made-moments.ts";

const ASSETS_PER_WRITE = 100;

/** What a person waits for: the whole call, the query's vector included. */
export const search: Benchmark = {
  name: "search",
  title: "Search over gRPC by words and by meaning: p50 and p95",
  async run({ smoke, folder, say }) {
    const queries = smoke ? 3 : 300;
    const figures: Figure[] = [];
    for (const moments of smoke ? [200] : [10_000, 50_000]) {
      const made = await MadeMoments.load();
      const data = join(folder, String(moments));
      await fill(join(data, "index"), made, moments);
      say(`${moments} moments made`);
      await using up = await startUp(data);
      const channel = createChannel(up.document.grpc);
      const client = createClient(SearchServiceDefinition, channel);
      const ask = async (channels: string[]): Promise<Timed> => {
        const query = made.query(3);
        const began = performance.now();
        const { results, degraded } = await client.search({ query, channels });
        return { ms: performance.now() - began, found: results.length > 0, degraded };
      };
      for (const [name, channels] of [
        ["words and meaning", []],
        ["words", ["spoken", "written"]],
        ["meaning", ["text"]],
      ] as const) {
        for (let at = 0; at < queries / 10; at++) await ask([...channels]);
        const cpuBefore = cpuOf(up);
        const timed: Timed[] = [];
        for (let at = 0; at < queries; at++) timed.push(await ask([...channels]));
        const ms = timed.map((one) => one.ms);
        const label = `${moments} moments, ${name}`;
        const share = (holds: (one: Timed) => boolean) => timed.filter(holds).length / timed.length;
        figures.push(
          { name: `${label}: p50`, unit: "ms", value: percentile(ms, 50) },
          { name: `${label}: p95`, unit: "ms", value: percentile(ms, 95) },
          { name: `${label}: CPU of all processes`, unit: "ms/query", value: (cpuOf(up) - cpuBefore) / queries },
          { name: `${label}: queries with an answer`, unit: "of 1", value: share(({ found }) => found) },
          { name: `${label}: degraded`, unit: "of 1", value: share(({ degraded }) => degraded) },
        );
        say(`${label}: ${percentile(ms, 50).toFixed(1)} ms`);
      }
      channel.close();
    }
    return {
      figures,
      conditions: { queries_each: queries, words_per_query: 3, words_per_moment: 25, clients: 1, dimension: 100 },
    };
  },
};

const cpuOf = (up: Up) => [...treeCpu(up.document.pid).values()].reduce((total, ms) => total + ms, 0);

interface Timed {
  readonly ms: number;
  readonly found: boolean;
  readonly degraded: boolean;
}

/** Writes the rows as an indexer would, and closes the index: `up` opens it next. */
async function fill(folder: string, made: MadeMoments, moments: number): Promise<void> {
  await using index = await LanceMomentIndex.open(folder, { analyze, analyzerId: ANALYZER_ID });
  const films = made.films(moments);
  for (let at = 0; at < films.length; at += ASSETS_PER_WRITE)
    await index.replaceAssets(films.slice(at, at + ASSETS_PER_WRITE));
  await index.optimize();
}
