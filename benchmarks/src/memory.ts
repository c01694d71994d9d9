import { join } from "node:path";
import type { Benchmark, Figure } from "./common/benchmark.ts";
import { loopFilm, makeFilm } from "./common/footage.ts";
import { startUp, watchMemory } from "./common/heimdex.ts";

/** Does memory grow with the length of what is worked on? */
export const memory: Benchmark = {
  name: "memory",
  title: "peak memory of each process on a film of 1 min and on one of 60 min",
  async run({ smoke, folder, say }) {
    const film = {
      seconds: smoke ? 2 : 60,
      size: "320x180",
      shotSeconds: smoke ? 1 : 20,
      ...(smoke ? {} : { speech: "The boats came back before the storm.", caption: "HARBOUR" }),
    } as const;
    const times = smoke ? 2 : 60;
    say("making the films");
    const short = await makeFilm(folder, "short.mp4", film);
    const long = await loopFilm(short, times, join(folder, "long.mp4"));
    const before = await peaksOf(short, join(folder, "data-short"));
    say("the short one is done");
    const after = await peaksOf(long, join(folder, "data-long"));
    const figures: Figure[] = [];
    for (const [name, peak] of before) {
      const grown = after.get(name);
      if (grown === undefined) continue; // too short-lived to be seen both times
      figures.push({ name: `${name}, long over short`, unit: "times", value: grown / peak, aim: { most: 1.2 } });
      figures.push({ name: `${name}, short`, unit: "MiB", value: peak / 1024 });
      figures.push({ name: `${name}, long`, unit: "MiB", value: grown / 1024 });
    }
    return {
      figures,
      conditions: {
        short_seconds: film.seconds,
        long_seconds: film.seconds * times,
        size: film.size,
        speech: smoke ? "none" : "about 2 s in each minute",
        text: smoke ? "none" : "one line for 20 s in each minute",
      },
    };
  },
};

async function peaksOf(file: string, data: string): Promise<Map<string, number>> {
  await using up = await startUp(data);
  const watch = watchMemory(up.document.pid);
  await up.index(file);
  return watch.stop();
}
