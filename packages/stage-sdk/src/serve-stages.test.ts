import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTelemetry } from "@heimdex/telemetry";
import { z } from "zod";
import { type FakeOptions, FakeOrchestrator } from "./fake-orchestrator.ts";
import { type AnyStage, bytes, defineStage, type Port, type ServeOptions, serveStages, source } from "./index.ts";

const text: Port<{ text: string }, false, false> = {
  ...bytes("application/json", "org.example.text"),
  json: z.object({ text: z.string() }) as never,
} as never;

const facts = { version: "1.0.0", behaviour: 1, description: "For tests." };

async function serve(t: TestContext, stages: AnyStage[], options: FakeOptions = {}, serving: ServeOptions = {}) {
  const server = await FakeOrchestrator.start(options);
  const stop = new AbortController();
  const telemetry = startTelemetry("test", { logLevel: process.env.HEIMDEX_LOG_LEVEL ?? "silent", otlpEndpoint: "" });
  const served = serveStages(stages, {
    orchestrator: server.address,
    signal: stop.signal,
    telemetry,
    graceMs: 0,
    ...serving,
  });
  t.after(async () => {
    stop.abort();
    await served;
    await server[Symbol.asyncDispose]();
  });
  return { server, stop, served };
}

test("a stage is registered, gets a lease, and its result arrives", async (t) => {
  const stage = defineStage({
    ...facts,
    name: "org.example.upper",
    inputs: { text },
    outputs: { text },
    async run({ inputs, signal }) {
      const { text } = await inputs.text.json(signal);
      return { text: { text: text.toUpperCase() } };
    },
  });
  const { server } = await serve(t, [stage]);
  const lease = server.offer({ stage: stage.name, inputs: [server.inline("text", Buffer.from('{"text":"hello"}'))] });
  const finish = await server.finished(lease);
  assert.equal(finish.outcome?.$case, "completed");
  const [output] = finish.outcome.value.outputs;
  assert.equal(output?.content?.$case, "inline");
  assert.equal(output.content.value.toString(), '{"text":"HELLO"}');
});

void source;
