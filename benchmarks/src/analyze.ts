import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { probe, toolPath } from "@heimdex/media";
import { analyze as analyzeFilm } from "@heimdex/stage-media";
import type { Benchmark, Figure } from "./common/benchmark.ts";
import { copyFilm, makeFilm } from "./common/footage.ts";
import { startUp } from "./common/heimdex.ts";
import { summarise } from "./common/statistics.ts";

interface Cost {
  readonly wallMs: number;
  /** CPU, user and system, of ffmpeg and of whatever runs it. */
  readonly cpuMs: number;
}

/** What `media.analyze` costs over the decode it cannot do without. */
export const analyze: Benchmark = {
  name: "analyze",
  title: "media.analyze over the bare decode of the same 1080p25 H.264 film, run in turns",
  async run({ smoke, folder, say }) {
    const film = smoke
      ? ({ seconds: 3, size: "320x180", shotSeconds: 1 } as const)
      : ({ seconds: 60, size: "1920x1080", shotSeconds: 5 } as const);
    const repetitions = smoke ? 1 : 5;
    say("making the film");
    const file = await makeFilm(folder, "film.mp4", film);
    const [bare, engine]: [Cost[], Cost[]] = [[], []];
    await decode(file); // the page cache is warm for both
    for (let at = 0; at < repetitions; at++) {
      bare.push(await decode(file));
      engine.push(await analyzeOnce(file, folder));
      say(`decode ${bare.at(-1)?.wallMs.toFixed(0)} ms, analyze ${engine.at(-1)?.wallMs.toFixed(0)} ms`);
    }
    const ratio = (of: keyof Cost) => engine.map((cost, at) => cost[of] / (bare[at]?.[of] ?? Number.NaN));
    const figures: Figure[] = [
      figure("analysis over decode, wall time", "times", ratio("wallMs"), { most: 1.25 }),
      figure("analysis over decode, CPU", "times", ratio("cpuMs")),
      figure(
        "bare decode",
        "ms",
        bare.map(({ wallMs }) => wallMs),
      ),
      figure(
        "bare decode, CPU",
        "ms",
        bare.map(({ cpuMs }) => cpuMs),
      ),
      figure(
        "analysis",
        "ms",
        engine.map(({ wallMs }) => wallMs),
      ),
      figure(
        "analysis, CPU",
        "ms",
        engine.map(({ cpuMs }) => cpuMs),
      ),
    ];
    if (!smoke) figures.push(...(await asStage(file, folder, say)));
    return {
      figures,
      conditions: {
        seconds: film.seconds,
        size: film.size,
        shot_seconds: film.shotSeconds,
        sound: "AAC",
        container: "mp4",
      },
    };
  },
};

function figure(name: string, unit: string, values: readonly number[], aim?: Figure["aim"]): Figure {
  const spread = summarise(values);
  return { name, unit, value: spread.median, spread, ...(aim === undefined ? {} : { aim }) };
}

/** The stage as the platform runs it: what its attempt took, outputs sent included, with the decode run right before each. */
async function asStage(file: string, folder: string, say: (line: string) => void): Promise<Figure[]> {
  await using up = await startUp(join(folder, "data"));
  const ratios: number[] = [];
  for (let at = 0; at < 3; at++) {
    const copy = await copyFilm(file, `copy ${at}`, join(folder, `copy-${at}.mp4`));
    const { wallMs } = await decode(copy);
    const { assets } = await up.index(copy);
    const stage = assets[0]?.stages.find((candidate) => candidate.stage === "media.analyze");
    if (stage?.state !== "OK") throw new Error(`media.analyze ended ${stage?.state}`);
    ratios.push(stage.wall_ms / wallMs);
    say(`decode ${wallMs.toFixed(0)} ms, the stage ${stage.wall_ms} ms`);
  }
  return [figure("the stage's attempt over decode, wall time", "times", ratios, { most: 1.25 })];
}

/** `ffmpeg -i FILE -f null -`. */
async function decode(file: string): Promise<Cost> {
  const began = performance.now();
  const { stderr } = await promisify(execFile)(toolPath("ffmpeg"), [
    ...["-nostdin", "-hide_banner", "-benchmark", "-i", file, "-f", "null", "-"],
  ]);
  const wallMs = performance.now() - began;
  const used = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(stderr);
  if (used === null) throw new Error(`ffmpeg did not say what it used: ${stderr.slice(-300)}`);
  return { wallMs, cpuMs: (Number(used[1]) + Number(used[2])) * 1000 };
}

async function analyzeOnce(file: string, folder: string): Promise<Cost> {
  const scratch = await mkdtemp(join(folder, "scratch-"));
  const media = await probe(file);
  const before = process.cpuUsage();
  const began = performance.now();
  const found = await analyzeFilm(file, { media, asset: "a_bench", scratch });
  const wallMs = performance.now() - began;
  const own = process.cpuUsage(before);
  if (found.shots.length < 2 || found.audio === undefined)
    throw new Error("the film's cuts or its sound were not found");
  await rm(scratch, { recursive: true });
  return { wallMs, cpuMs: found.cpuMs + (own.user + own.system) / 1000 };
}
