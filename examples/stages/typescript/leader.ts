import { spawn } from "node:child_process";
import {
  customLayer,
  defineStage,
  itemId,
  layer,
  mediaFacts,
  optional,
  StageFailure,
  source,
} from "@heimdex/stage-sdk";
import { z } from "zod";
import { HEIGHT, isTone, lookOf, type Mark, slates, stretches, WIDTH } from "./looks.ts";

const kind = "org.example.leader";
const STEP_MS = 500;
const RATE = 8_000;
const WORDS: Record<Mark, string> = { black: "black", bars: "colour bars", tone: "line-up tone", slate: "slate" };

const fields = {
  mark: z.enum(["black", "bars", "tone", "slate"]).meta({ "x-heimdex-search": "facet" }),
  text: z.string().meta({ description: "The same in words.", "x-heimdex-search": "text" }),
};

/** What stands before and after the film itself: black, colour bars, line-up tone, slates. */
export const leader = defineStage({
  name: kind,
  version: "1.0.0",
  behaviour: 1,
  description: "Finds black, colour bars, line-up tone and slates",
  inputs: { source: source(), media: mediaFacts(), text: optional(layer("text")) },
  outputs: { leader: customLayer(kind, fields) },
  config: z.object({
    least_ms: z.int().min(STEP_MS).default(1000).meta({ description: "Shorter stretches are left out, ms." }),
  }),
  deterministic: true,
  async run({ inputs, config, asset, signal, progress }) {
    const media = await inputs.media.json(signal);
    const has = (type: string) => media.streams.some((stream) => stream.type === type);
    const steps = Math.ceil(media.duration_ms / STEP_MS);
    const looks: (Mark | undefined)[] = [];
    const sounds: (Mark | undefined)[] = [];
    if (has("video")) {
      const picture = `-map 0:V:0 -vf fps=${1000 / STEP_MS},scale=${WIDTH}:${HEIGHT}:flags=area,format=rgb24 -f rawvideo`;
      for await (const frame of ffmpeg(inputs.source.location, picture, WIDTH * HEIGHT * 3, signal)) {
        looks.push(lookOf(frame));
        progress(looks.length, steps, "pictures");
      }
    }
    if (has("audio")) {
      const bytes = (RATE * STEP_MS) / 500;
      for await (const chunk of ffmpeg(inputs.source.location, `-map 0:a:0 -ac 1 -ar ${RATE} -f s16le`, bytes, signal))
        sounds.push(isTone(new Int16Array(new Uint8Array(chunk).buffer), RATE) ? "tone" : undefined);
    }
    const texts = (await inputs.text?.json(signal))?.items ?? [];
    const found = [
      ...stretches(looks, STEP_MS, config.least_ms),
      ...stretches(sounds, STEP_MS, config.least_ms),
      ...slates(texts),
    ].sort((a, b) => a.start_ms - b.start_ms);
    const items = found.map(({ mark, start_ms, end_ms }) => ({
      id: itemId(mark, asset, kind, start_ms),
      start_ms,
      end_ms: Math.min(end_ms, Math.max(media.duration_ms, start_ms + 1)),
      mark,
      text: WORDS[mark],
    }));
    return { leader: { kind, version: 1, items } };
  },
});

/** What ffmpeg writes, in pieces of `size` bytes; a last piece that is not whole is left out. */
async function* ffmpeg(location: string, output: string, size: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const args = ["-v", "error", "-nostdin", "-i", location, ...output.split(" "), "-"];
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
  let said = "";
  child.stderr.on("data", (text) => (said = (said + text).slice(-2000)));
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  let rest: Buffer = Buffer.alloc(0);
  let pieces = 0;
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= size; rest = rest.subarray(size), pieces++) yield rest.subarray(0, size);
    }
  } finally {
    child.kill("SIGKILL");
  }
  const code = await ended;
  if (code !== 0 && pieces === 0)
    throw new StageFailure("INPUT_REJECTED", "NOT_DECODABLE", `ffmpeg could not read the file: ${said.trim()}`, {
      help: "Play it with another program; convert it if that works.",
    });
}
