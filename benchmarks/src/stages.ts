import { join } from "node:path";
import type { Benchmark } from "./common/benchmark.ts";
import { makeFilm } from "./common/footage.ts";
import { startUp } from "./common/heimdex.ts";
import { summarise } from "./common/statistics.ts";

const SPEECH =
  "The harbour was quiet in the morning. Two fishing boats came back before the storm, and the old captain told us " +
  "how the bridge was built by his grandfather. In the afternoon the market opened, and people bought bread and apples.";

/** What each stage costs, as the sidecar states it. */
export const stages: Benchmark = {
  name: "stages",
  title: "CPU of each stage per second of video, on a made film with speech and text",
  async run({ smoke, folder, say }) {
    const film = smoke
      ? ({ seconds: 3, size: "320x180", shotSeconds: 1, caption: "OPEN", speech: "Boats." } as const)
      : ({ seconds: 60, size: "1280x720", shotSeconds: 5, caption: "HARBOUR NEWS", speech: SPEECH } as const);
    say("making the film");
    const file = await makeFilm(folder, "film.mp4", film);
    const byStage = new Map<string, { cpu: number[]; wall: number[] }>();
    const whole: number[] = [];
    for (let at = 0; at < (smoke ? 1 : 3); at++) {
      // A new archive each time: nothing is cached.
      await using up = await startUp(join(folder, `data-${at}`));
      const { assets } = await up.index(file);
      const [asset] = assets;
      if (asset === undefined) throw new Error("nothing was indexed");
      const seconds = asset.duration_ms / 1000;
      for (const { stage, state, cpu_ms, wall_ms } of asset.stages) {
        if (state !== "OK" && state !== "EMPTY") continue;
        const of = byStage.get(stage) ?? { cpu: [], wall: [] };
        of.cpu.push(cpu_ms / seconds);
        of.wall.push(wall_ms / seconds);
        byStage.set(stage, of);
      }
      whole.push(asset.wall_ms / seconds);
      say(`run ${at + 1}: ${asset.wall_ms} ms for ${seconds} s`);
    }
    const figure = (name: string, values: readonly number[]) => {
      const spread = summarise(values);
      return { name, unit: "ms/s of video", value: spread.median, spread };
    };
    return {
      figures: [
        ...[...byStage].map(([stage, { cpu }]) => figure(`${stage}, CPU`, cpu)),
        ...[...byStage].map(([stage, { wall }]) => figure(`${stage}, wall time`, wall)),
        figure("whole job, wall time", whole),
      ],
      conditions: {
        seconds: film.seconds,
        size: film.size,
        shot_seconds: film.shotSeconds,
        speech: smoke ? "one word" : "13 s",
        caption: film.caption,
      },
    };
  },
};
