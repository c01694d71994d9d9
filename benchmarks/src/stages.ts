import { join } from "node:path";
import { locateModel } from "@heimdex/models";
import { layersOf } from "@heimdex/sidecar";
import type { Benchmark } from "./common/benchmark.ts";
import { makeFilm, makePan } from "./common/footage.ts";
import { startUp } from "./common/heimdex.ts";
import { summarise } from "./common/statistics.ts";

const SPEECH =
  "The harbour was quiet in the morning. Two fishing boats came back before the storm, and the old captain told us " +
  "how the bridge was built by his grandfather. In the afternoon the market opened, and people bought bread and apples.";

/** Stages whose work is by the keyframe. */
const BY_KEYFRAME = ["vision.text", "vision.faces", "vision.objects", "embed.image"];

/** What each stage costs, as the sidecar states it. */
export const stages: Benchmark = {
  name: "stages",
  title:
    "CPU of each stage per hour of video, on a made film with speech and text and a photograph of people panned over",
  async run({ smoke, folder, say }) {
    const film = smoke
      ? ({ seconds: 3, size: "320x180", shotSeconds: 1, caption: "OPEN", speech: "Boats." } as const)
      : ({ seconds: 60, size: "1280x720", shotSeconds: 5, caption: "HARBOUR NEWS", speech: SPEECH } as const);
    say("making the films");
    const file = await makeFilm(folder, "film.mp4", film);
    const people = await makePan(folder, "people.mp4", await photograph(), smoke ? 3 : 60);
    const byStage = new Map<string, { cpu: number[]; wall: number[] }>();
    const byKeyframe = new Map<string, number[]>();
    const whole: number[] = [];
    for (let at = 0; at < (smoke ? 1 : 3); at++) {
      // A new archive each time: nothing is cached.
      await using up = await startUp(join(folder, `data-${at}`));
      const { assets } = await up.index(file, people);
      const seconds = assets.reduce((sum, asset) => sum + asset.duration_ms, 0) / 1000;
      let keyframes = 0;
      for (const each of [file, people])
        for (const { items } of layersOf(await up.sidecar(each), "keyframes")) keyframes += items.length;
      const costs = Map.groupBy(
        assets.flatMap((asset) => asset.stages).filter(({ state }) => state === "OK" || state === "EMPTY"),
        ({ stage }) => stage,
      );
      for (const [stage, runs] of costs) {
        const cpu = runs.reduce((sum, { cpu_ms }) => sum + cpu_ms, 0);
        const wall = runs.reduce((sum, { wall_ms }) => sum + wall_ms, 0);
        const of = byStage.get(stage) ?? { cpu: [], wall: [] };
        of.cpu.push((cpu / seconds) * 3.6); // ms/s is the same number as s/h times 3.6
        of.wall.push((wall / seconds) * 3.6);
        byStage.set(stage, of);
        if (BY_KEYFRAME.includes(stage)) byKeyframe.set(stage, [...(byKeyframe.get(stage) ?? []), cpu / keyframes]);
      }
      const wall = Math.max(...assets.map(({ wall_ms }) => wall_ms));
      whole.push((wall / seconds) * 3.6);
      say(`run ${at + 1}: ${wall} ms for ${seconds} s of video, ${keyframes} keyframes`);
    }
    const figure = (name: string, values: readonly number[], unit = "s/h of video") => {
      const spread = summarise(values);
      return { name, unit, value: spread.median, spread };
    };
    return {
      figures: [
        ...[...byStage].map(([stage, { cpu }]) => figure(`${stage}, CPU`, cpu)),
        ...[...byStage].map(([stage, { wall }]) => figure(`${stage}, wall time`, wall)),
        ...[...byKeyframe].map(([stage, values]) => figure(`${stage}, CPU by keyframe`, values, "ms/keyframe")),
        figure("both films, wall time", whole),
      ],
      conditions: {
        models: "bundled",
        seconds: `${film.seconds} + ${smoke ? 3 : 60}`,
        size: film.size,
        shot_seconds: film.shotSeconds,
        speech: smoke ? "one word" : "13 s",
        caption: film.caption,
      },
    };
  },
};

/** The one that the face models' package carries. */
async function photograph(): Promise<string> {
  const located = await locateModel("human-faces");
  const picture = located.available ? located.files["samples.jpg"] : undefined;
  if (picture === undefined) throw new Error("the model human-faces is not there: run `heimdex models pull bundled`");
  return picture;
}
