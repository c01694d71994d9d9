import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { itemId } from "@heimdex/sidecar";
import { customLayer, defineStage, serveStages, source } from "@heimdex/stage-sdk";
import { z } from "zod";

const run = promisify(execFile);

const loudness = defineStage({
  name: "org.example.loudness",
  version: "1.0.0",
  behaviour: 1,
  description: "How loud it is, second by second",
  inputs: { source: source() },
  outputs: {
    loudness: customLayer("org.example.loudness", { lufs: z.number().meta({ "x-heimdex-search": "number" }) }),
  },
  conditions: ["has_audio"],
  config: z.object({ floor: z.number().default(-70).meta({ description: "Quieter seconds are left out, LUFS." }) }),
  async run({ inputs, config, asset, signal }) {
    const args = [
      "-nostats",
      "-i",
      inputs.source.location,
      "-vn",
      "-af",
      "ebur128=metadata=1,ametadata=print:file=-",
      "-f",
      "null",
      "-",
    ];
    const { stdout } = await run("ffmpeg", args, { signal, maxBuffer: 256 * 1024 * 1024 });
    const seconds = new Map<number, number>();
    for (const [, time, lufs] of stdout.matchAll(/pts_time:([\d.]+)\n(?:.*\n)*?lavfi\.r128\.M=(-?[\d.]+)/g))
      seconds.set(Math.floor(Number(time)), Number(lufs));
    const items = [...seconds].map(([second, lufs]) => ({
      start_ms: second * 1000,
      end_ms: second * 1000 + 1000,
      lufs,
    }));
    const loud = items.filter(({ lufs }) => lufs >= config.floor);
    const named = loud.map((item) => ({ id: itemId("loud", asset, "org.example.loudness", item.start_ms), ...item }));
    return { loudness: { kind: "org.example.loudness", version: 1, items: named } };
  },
});

await serveStages([loudness]);
