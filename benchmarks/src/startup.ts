import { join } from "node:path";
import type { Benchmark } from "./common/benchmark.ts";
import { startUp, treeCpu } from "./common/heimdex.ts";
import { summarise } from "./common/statistics.ts";

/** How long it takes until work can begin. */
export const startup: Benchmark = {
  name: "startup",
  title: "`heimdex up` until every first-party stage has registered, with and without a compile cache",
  async run({ smoke, folder, say }) {
    const cold: number[] = [];
    const warm: number[] = [];
    const again: number[] = [];
    let used: ReadonlyMap<string, number> = new Map();
    let stages = 0;
    for (let at = 0; at < (smoke ? 1 : 3); at++) {
      const NODE_COMPILE_CACHE = join(folder, `compiled-${at}`);
      const first = await once(join(folder, `first-${at}`), smoke ? {} : { NODE_COMPILE_CACHE });
      cold.push(first.ms);
      ({ cpu: used, stages } = first);
      if (smoke) continue;
      warm.push((await once(join(folder, `second-${at}`), { NODE_COMPILE_CACHE })).ms);
      const last = await once(join(folder, `second-${at}`), { NODE_COMPILE_CACHE });
      again.push(last.ms);
      used = last.cpu;
      say(
        `${cold.at(-1)?.toFixed(0)} ms cold, ${warm.at(-1)?.toFixed(0)} ms warm, ${again.at(-1)?.toFixed(0)} ms again`,
      );
    }
    const figure = (name: string, values: readonly number[]) => {
      const spread = summarise(values);
      return { name, unit: "ms", value: spread.median, spread, aim: { most: 3000 } };
    };
    return {
      figures: [
        figure("the first time: nothing compiled, new data directory", cold),
        ...(smoke
          ? []
          : [
              figure("compiled before, new data directory", warm),
              figure("compiled before, same data directory", again),
            ]),
      ],
      conditions: { stages, files: "in the page cache" },
      notes: [`CPU until ready, compiled before, ms: ${cpuText(used)}`],
    };
  },
};

async function once(data: string, env: Readonly<Record<string, string>>) {
  await using up = await startUp(data, env);
  return { ms: up.readyMs, cpu: treeCpu(up.document.pid), stages: up.document.stages.length };
}

/** Largest first. */
function cpuText(cpu: ReadonlyMap<string, number>): string {
  const sorted = [...cpu].sort((a, b) => b[1] - a[1]);
  return sorted.map(([name, ms]) => `${name} ${ms}`).join(", ");
}
