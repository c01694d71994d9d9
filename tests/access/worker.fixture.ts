import { bytes, defineStage, serveStages, source } from "@heimdex/stage-sdk";

/** A worker whose input comes by URL, and whose output is too large to go any other way. */
await serveStages([
  defineStage({
    name: "made.up",
    version: "1.0.0",
    behaviour: 1,
    description: "Repeats what it reads.",
    inputs: { source: source() },
    outputs: { out: bytes("application/octet-stream", "made.out") },
    async run({ inputs, signal }) {
      const read = Buffer.from(await (await fetch(inputs.source.url, { signal })).arrayBuffer());
      if (!inputs.source.url.startsWith("https://")) throw new Error(`no TLS: ${inputs.source.url}`);
      return { out: { bytes: Buffer.alloc(1024 * 1024, read) } };
    },
  }),
]);
