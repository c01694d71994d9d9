import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { customLayer, defineStage, itemId, StageFailure, serveStages, source } from "@heimdex/stage-sdk";
import { z } from "zod";

const kind = "org.example.loudness";
const lufs = z.number().meta({ description: "Momentary loudness, LUFS.", "x-heimdex-search": "number" });
const measure = "-vn -af ebur128=metadata=1,ametadata=print:key=lavfi.r128.M:file=- -f null -".split(" ");

const loudness = defineStage({
  name: kind,
  version: "1.0.0",
  behaviour: 1,
  description: "How loud it is at the end of each second",
  inputs: { source: source() },
  outputs: { loudness: customLayer(kind, { lufs }) },
  conditions: ["has_audio"],
  config: z.object({ floor: z.number().default(-70).meta({ description: "Quieter seconds are left out, LUFS." }) }),
  async run({ inputs, config, asset, signal }) {
    const args = ["-i", inputs.source.location, ...measure];
    const { stdout } = await promisify(execFile)("ffmpeg", args, { signal, maxBuffer: 2 ** 28 }).catch((cause) => {
      signal.throwIfAborted();
      throw new StageFailure("INPUT_REJECTED", "NOT_DECODABLE", cause.message, { help: "Convert the file.", cause });
    });
    const bySecond = new Map<number, number>();
    for (const [, time, value] of stdout.matchAll(/pts_time:([\d.]+)\n.*=(.+)/g))
      bySecond.set(Math.floor(Number(time)) * 1000, Number(value));
    const items = [...bySecond]
      .filter(([, lufs]) => lufs >= config.floor)
      .map(([at, lufs]) => ({ id: itemId("loud", asset, kind, at), start_ms: at, end_ms: at + 1000, lufs }));
    return { loudness: { kind, version: 1, items } };
  },
});

await serveStages([loudness]);
