/** A worker on this machine whose stages do nothing: the second takes what the first puts out. `no-op-worker.fixture.ts`, settings as serveStages reads them. */
import { defineStage, json, serveStages, source } from "@heimdex/stage-sdk";
import { z } from "zod";

const note = z.object({ of: z.string() });
const facts = { version: "1.0.0", behaviour: 1, description: "Does nothing", slots: 4 };

await serveStages([
  defineStage({
    ...facts,
    name: "test.first",
    inputs: { source: source() },
    outputs: { note: json("org.example.test.first", note) },
    run: async ({ inputs }) => ({ note: { of: inputs.source.sha256 } }),
  }),
  defineStage({
    ...facts,
    name: "test.second",
    inputs: { before: json("org.example.test.first", note) },
    outputs: { note: json("org.example.test.second", note) },
    run: async ({ inputs }) => ({ note: { of: inputs.before.sha256 } }),
  }),
]);
