import { setTimeout as delay } from "node:timers/promises";
import { defineStage, json, serveStages, source } from "@heimdex/stage-sdk";
import { z } from "zod";

/** A replica of a stage that waits, as one does whose work is done elsewhere: `waiting-worker.ts MS`. One step at a time. */
const waitMs = Number(process.argv[2]);
await serveStages([
  defineStage({
    name: "bench.wait",
    version: "1.0.0",
    behaviour: 1,
    description: "Waits",
    inputs: { source: source() },
    outputs: { note: json("org.example.bench.waited", z.object({ of: z.string() })) },
    slots: 1,
    async run({ inputs, signal }) {
      await delay(waitMs, undefined, { signal });
      return { note: { of: inputs.source.sha256 } };
    },
  }),
]);
