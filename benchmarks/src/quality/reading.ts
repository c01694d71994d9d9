import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { toolPath } from "@heimdex/media";
import { layersOf } from "@heimdex/sidecar";
import type { Benchmark } from "../common/benchmark.ts";
import { startUp } from "../common/heimdex.ts";
import { type PlantedLine, scoreReading } from "./planted-text.ts";

const WORDS =
  "harbour market morning bridge museum ticket ferry station river garden window captain letter summer winter engine police council weather festival library hospital airport kitchen theatre mountain village history science election".split(
    " ",
  );
/** Moving pictures to write on: plain, busy, and of every brightness. */
const GROUNDS = [
  "gradients=c0=0x203040:c1=0x305070:nb_colors=2:seed=1:speed=0.02",
  "testsrc2",
  "mandelbrot=maxiter=120",
  "gradients=c0=0xd0d8e0:c1=0xf0f0e8:nb_colors=2:seed=2:speed=0.02",
];
/** testsrc2 writes a clock and a number into its corner, which nobody planted. */
const NO_CLOCK = "drawbox=w=120:h=44:t=fill";
const COLOURS = ["white", "yellow", "black", "0x20c0ff"];
/** Cap heights from a twentieth to a fiftieth of the picture's height: lower thirds, captions, signs far away. */
const SIZES = [64, 44, 32, 24];
const SHOT_SECONDS = 2;

/** How well `vision.text` reads a film whose text is known, through the whole product. */
export const reading: Benchmark = {
  name: "reading",
  title: "written text: precision, recall and character error on a made film with known lines",
  async run({ smoke, folder, say }) {
    const shots = smoke ? 2 : 60;
    const film = await makeWrittenFilm(folder, shots);
    await using up = await startUp(join(folder, "data"));
    say(`indexing ${shots} shots with ${film.planted.length} lines`);
    const { assets } = await up.index(film.file);
    const [layer] = layersOf(await up.sidecar(film.file), "text");
    const read = layer?.items ?? [];
    const score = scoreReading(film.planted, read);
    const cost = assets[0]?.stages.find(({ stage }) => stage === "vision.text");
    return {
      figures: [
        { name: "recall", unit: "of planted lines", value: score.recall },
        { name: "precision", unit: "of read lines", value: score.precision },
        { name: "character error rate", unit: "of characters in matched lines", value: score.characterError },
        { name: "vision.text, CPU", unit: "ms/keyframe", value: (cost?.cpu_ms ?? 0) / shots },
      ],
      conditions: {
        shots,
        lines: film.planted.length,
        size: "1280x720",
        text_pixels: SIZES.join("/"),
        read: read.length,
      },
    };
  },
};

/** Shots of two seconds, each with one to three lines in a box of their own or straight on the picture. The same every time. */
async function makeWrittenFilm(folder: string, shots: number): Promise<{ file: string; planted: PlantedLine[] }> {
  const planted: PlantedLine[] = [];
  const next = numbers(7);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const parts = Array.from({ length: shots }, (_, shot) => {
    const lines = 1 + Math.floor(next() * 3);
    const drawn = Array.from({ length: lines }, (_line, at) => {
      const words = Array.from({ length: 2 + Math.floor(next() * 3) }, () => pick(WORDS)).join(" ");
      const text = next() < 0.4 ? words.toUpperCase() : `${words} ${10 + Math.floor(next() * 90)}`;
      planted.push({ text, startMs: shot * SHOT_SECONDS * 1000, endMs: (shot + 1) * SHOT_SECONDS * 1000 });
      const boxed = next() < 0.6;
      const colour = boxed ? "white" : pick(COLOURS);
      const style = boxed
        ? "box=1:boxcolor=black@0.8:boxborderw=8"
        : `borderw=2:bordercolor=${colour === "black" ? "white" : "black"}`;
      const x = 40 + Math.floor(next() * 120);
      return `drawtext=text='${text}':fontsize=${pick(SIZES)}:fontcolor=${colour}:${style}:x=${x}:y=${100 + at * 200}`;
    });
    const ground = pick(GROUNDS);
    const sized = `${ground}${ground.includes("=") ? ":" : "="}s=1280x720:r=25`;
    return `${sized},format=yuv420p,setsar=1,trim=0:${SHOT_SECONDS},${NO_CLOCK},${drawn.join(",")}[p${shot}]`;
  });
  const graph = [...parts, `${parts.map((_, n) => `[p${n}]`).join("")}concat=n=${shots}[v]`].join(";");
  const file = join(folder, "written.mp4");
  const encode = "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p".split(" ");
  await promisify(execFile)(toolPath("ffmpeg"), [
    "-v",
    "error",
    "-nostdin",
    "-y",
    "-filter_complex",
    graph,
    "-map",
    "[v]",
    ...encode,
    file,
  ]);
  return { file, planted };
}

/** Numbers in 0..1 that are the same every time (mulberry32, T. Ettinger 2017). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
