import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { itemId } from "@heimdex/sidecar";
import { bytes, defineStage, json, layer, many, mediaFacts, serveStages, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { PICTURES, pictureOf, sha256 } from "./films.ts";

/** A stage service to be killed at any moment. Its first argument says which, CRASH_RUNS the file in which every attempt is noted when it begins. */
const [, , service] = process.argv;
const TIME_BASE = { num: 1, den: 1000 };
const words = json("crash.words", z.object({ words: z.array(z.string()), filler: z.string() }));

async function work(stage: string, { asset, attempt }: { asset: string; attempt: number }): Promise<void> {
  appendFileSync(process.env.CRASH_RUNS as string, `${JSON.stringify({ stage, asset, attempt })}\n`);
  await delay(5); // a moment in which to be killed
}

const common = { version: "1.0.0", behaviour: 1, slots: 4 } as const;

const probe = defineStage({
  ...common,
  name: "crash.probe",
  description: "Says what a film is.",
  inputs: { source: source() },
  outputs: { media: mediaFacts() },
  async run(context) {
    await work("crash.probe", context);
    return {
      media: {
        container: "made",
        size: context.inputs.source.size,
        duration_ms: 10_000,
        streams: [{ index: 0, type: "video" as const, codec: "none", time_base: TIME_BASE }],
        start_offset_ms: 0,
        vfr: false,
        rotation: 0 as const,
      },
    };
  },
});

const read = defineStage({
  ...common,
  name: "crash.words",
  description: "Reads a film's words; too large to travel in a call.",
  inputs: { source: source() },
  outputs: { words },
  async run(context) {
    await work("crash.words", context);
    const content = JSON.parse(Buffer.from(await context.inputs.source.read()).toString()) as { words: string[] };
    return { words: { words: content.words, filler: "x".repeat(70_000) } };
  },
});

const speak = defineStage({
  ...common,
  name: "crash.transcript",
  description: "Makes a transcript of words.",
  inputs: { words },
  outputs: { transcript: layer("transcript") },
  async run(context) {
    await work("crash.transcript", context);
    const { words: found } = await context.inputs.words.json();
    const items = found.map((text, index) => ({
      id: itemId("tr", context.asset, "transcript", index * 1_000),
      start_ms: index * 1_000,
      end_ms: index * 1_000 + 500,
      text,
    }));
    return { transcript: { kind: "transcript" as const, version: 1, language: "en", items } };
  },
});

const look = defineStage({
  ...common,
  name: "crash.pictures",
  description: "Takes pictures.",
  inputs: { source: source(), media: mediaFacts() },
  outputs: { pictures: many(bytes("image/jpeg", "crash.picture")), keyframes: layer("keyframes") },
  conditions: ["has_video"],
  async run(context) {
    await work("crash.pictures", context);
    const all = Array.from({ length: PICTURES }, (_, index) => pictureOf(context.inputs.source.sha256, index));
    const items = all.map((picture, index) => ({
      id: itemId("kf", context.asset, "keyframes", index),
      start_ms: index * 1_000,
      end_ms: (index + 1) * 1_000,
      start_pts: index * 1_000,
      end_pts: (index + 1) * 1_000,
      time_base: TIME_BASE,
      image: { sha256: sha256(picture), size: picture.byteLength, media_type: "image/jpeg" },
      width: 16,
      height: 9,
    }));
    return {
      pictures: all.map((picture) => ({ bytes: picture })),
      keyframes: { kind: "keyframes" as const, version: 1, items },
    };
  },
});

await serveStages(service === "eyes" ? [probe, look] : [read, speak], { worker: `crash-${service}` });
