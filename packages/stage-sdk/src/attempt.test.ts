import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Finish } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { defineStage, StageFailure } from "./index.ts";
import { abortOf, note, noteStage, serve } from "./serve.fixture.ts";

const HELLO = Buffer.from('{"text":"hello"}');

function failureOf(finish: Finish) {
  assert.equal(finish.outcome?.$case, "failed");
  return finish.outcome.value;
}

test("run is given what the lease says, and its result, progress, spans, CPU time and partial reason arrive", async (t) => {
  let scratch = "";
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const stage = defineStage({
    name: "org.example.loud",
    version: "1.0.0",
    behaviour: 1,
    description: "Says it louder.",
    inputs: { note },
    outputs: { note },
    config: z.object({ mark: z.string().default("!"), times: z.int().default(1) }),
    async run(ctx) {
      scratch = ctx.scratch;
      assert.deepEqual(await readdir(scratch), []);
      await writeFile(join(scratch, "left-behind"), "x");
      const { text } = await ctx.inputs.note.json(ctx.signal);
      ctx.progress(1, 2, "words", "half way");
      await released;
      const loud = await ctx.span("shout", { loud: true }, () =>
        ctx.span("breathe", {}, async () => text.toUpperCase()),
      );
      ctx.cpu(1_500);
      ctx.partial("the end is missing");
      assert.deepEqual([ctx.asset, ctx.sourceName, ctx.attempt], ["asset-1", "film.mp4", 3]);
      return { note: { text: loud + ctx.config.mark.repeat(ctx.config.times) } };
    },
  });
  const { server } = await serve(t, [stage]);
  const lease = server.offer({
    stage: stage.name,
    attempt: 3,
    sourceName: "film.mp4",
    config: '{"times":2}',
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    inputs: [server.inline("note", HELLO)],
  });
  const renewal = await server.until(() =>
    server.requests.renew.flatMap(({ renewals }) => renewals).find(({ progress }) => progress !== undefined),
  );
  assert.deepEqual([renewal.lease, renewal.epoch], [lease.lease, lease.epoch]);
  assert.deepEqual(renewal.progress, { done: 1, total: 2, unit: "words", message: "half way" });
  release();
  const finish = await server.finished(lease);
  assert.equal(finish.outcome?.$case, "completed");
  assert.equal(finish.outcome.value.partialReason, "the end is missing");
  const [output] = finish.outcome.value.outputs;
  assert.equal(output?.content?.$case, "inline");
  assert.equal(output.content.value.toString(), '{"text":"HELLO!!"}');
  const [shout, breathe] = finish.spans;
  assert.deepEqual([shout?.name, shout?.parentSpanId], ["shout", "00f067aa0ba902b7"]);
  assert.deepEqual([breathe?.name, breathe?.parentSpanId], ["breathe", shout?.spanId]);
  assert.deepEqual(shout?.attributes, { loud: "true" });
  assert.ok(finish.cpuMs >= 1_500, `${finish.cpuMs}`);
  // The slot is free, and asked for, only once the folder is gone.
  await server.until(() => server.requests.acquire.length > 1);
  assert.equal(existsSync(scratch), false);
  assert.equal(existsSync(dirname(scratch)), true);
});

for (const [name, thrown, want] of [
  [
    "a StageFailure is passed on as it is",
    () =>
      new StageFailure("INPUT_REJECTED", "NOT_MEDIA", "It is no media file.", {
        help: "Remove it.",
        logTail: "moov atom not found",
      }),
    { kind: "INPUT_REJECTED", reason: "NOT_MEDIA", help: "Remove it.", logTail: "moov atom not found" },
  ],
  [
    "retryAfterMs becomes retry_after",
    () => new StageFailure("RETRYABLE", "BUSY", "Busy.", { help: "Wait.", retryAfterMs: 2_500 }),
    { kind: "RETRYABLE", reason: "BUSY", retryAfter: { seconds: 2, nanos: 500_000_000 } },
  ],
  [
    "a full disk is RESOURCE",
    () => Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }),
    { kind: "RESOURCE", reason: "DISK_FULL" },
  ],
  [
    "a HeimdexError keeps its id",
    () => new HeimdexError("NO_FFMPEG", "ffmpeg was not found"),
    { kind: "TERMINAL", reason: "NO_FFMPEG" },
  ],
  [
    "anything else is RETRYABLE",
    () => new TypeError("x is not a function"),
    { kind: "RETRYABLE", reason: "STAGE_ERROR", message: "x is not a function" },
  ],
] as const) {
  test(`failures: ${name}`, async (t) => {
    const stage = noteStage(async () => {
      throw thrown();
    });
    const { server } = await serve(t, [stage]);
    const lease = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
    const failed = failureOf(await server.finished(lease));
    for (const [field, value] of Object.entries(want))
      assert.deepEqual(failed[field as keyof typeof failed], value, field);
    if (failed.reason === "STAGE_ERROR") assert.match(failed.logTail, /attempt\.test\.ts/);
  });
}

test("texts that are too long are cut, the log at its start", async (t) => {
  const stage = noteStage(async () => {
    throw new StageFailure("TERMINAL", "R".repeat(70), "m".repeat(3_000), {
      help: "h".repeat(2_000),
      logTail: `${"é".repeat(3_000)}end`,
    });
  });
  const { server } = await serve(t, [stage]);
  const failed = failureOf(
    await server.finished(server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] })),
  );
  assert.deepEqual([failed.reason.length, failed.message.length, failed.help.length], [64, 2_000, 1_000]);
  assert.ok(Buffer.byteLength(failed.logTail) <= 4_096);
  assert.match(failed.logTail, /^é+end$/);
});

test("an attempt that takes too long is aborted and fails as ATTEMPT_TIMEOUT", async (t) => {
  const stage = noteStage(async ({ signal }) => {
    throw await abortOf(signal);
  });
  const { server } = await serve(t, [stage]);
  const lease = server.offer({ stage: stage.name, attemptTimeoutMs: 20, inputs: [server.inline("note", HELLO)] });
  const failed = failureOf(await server.finished(lease));
  assert.deepEqual([failed.kind, failed.reason], ["RETRYABLE", "ATTEMPT_TIMEOUT"]);
});

test("a stage that does not heed its signal loses its lease after the grace time and keeps its slot until it ends", async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stage = noteStage(async () => {
    await promise;
    return { note: { text: "too late" } };
  });
  const { server } = await serve(t, [stage], { stopGraceMs: 20 });
  const deaf = server.offer({ stage: stage.name, attemptTimeoutMs: 20, inputs: [server.inline("note", HELLO)] });
  assert.equal(failureOf(await server.finished(deaf)).reason, "ATTEMPT_TIMEOUT");
  const polls = server.requests.acquire.length;
  const renewals = server.requests.renew.length;
  await server.until(() => server.requests.renew.length > renewals + 1);
  assert.equal(server.requests.acquire.length, polls);
  resolve();
  const next = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  assert.equal((await server.finished(next)).outcome?.$case, "completed");
  assert.equal(failureOf(server.finishes.get(deaf.lease) as Finish).reason, "ATTEMPT_TIMEOUT");
});

test("CANCEL aborts the attempt, which is given back; the slot takes the next", async (t) => {
  const reasons: unknown[] = [];
  const stage = noteStage(async ({ signal, inputs }) => {
    if ((await inputs.note.json()).text === "quick") return { note: { text: "done" } };
    reasons.push(await abortOf(signal));
    // Even a result does not count any more.
    return { note: { text: "after all" } };
  });
  const { server } = await serve(t, [stage]);
  const lease = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  server.verdicts.set(lease.lease, "CANCEL");
  const finish = await server.finished(lease);
  assert.deepEqual(finish.outcome, { $case: "released", value: { reason: "cancelled" } });
  assert.equal((reasons[0] as Error).name, "AbortError");
  const next = server.offer({ stage: stage.name, inputs: [server.inline("note", Buffer.from('{"text":"quick"}'))] });
  assert.equal((await server.finished(next)).outcome?.$case, "completed");
});

test("LOST aborts the attempt, and nothing more is said about it", async (t) => {
  const stage = noteStage(async ({ signal, inputs }) => {
    if ((await inputs.note.json()).text === "quick") return { note: { text: "done" } };
    throw await abortOf(signal);
  });
  const { server } = await serve(t, [stage]);
  const lost = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  server.verdicts.set(lost.lease, "LOST");
  const next = server.offer({ stage: stage.name, inputs: [server.inline("note", Buffer.from('{"text":"quick"}'))] });
  await server.finished(next);
  assert.equal(server.finishes.has(lost.lease), false);
  const renewals = server.requests.renew.length;
  await server.until(() => server.requests.renew.length > renewals + 1);
  assert.deepEqual(server.requests.renew.at(-1)?.renewals, []);
});

test("a configuration that the stage does not take fails as CONFIG_INVALID", async (t) => {
  const stage = defineStage({
    name: "org.example.twice",
    version: "1.0.0",
    behaviour: 1,
    description: "Needs a number.",
    inputs: { note },
    outputs: { note },
    config: z.object({ times: z.int().default(1) }),
    run: async () => ({ note: { text: "" } }),
  });
  const { server } = await serve(t, [stage]);
  const lease = server.offer({ stage: stage.name, config: '{"times":"two"}', inputs: [server.inline("note", HELLO)] });
  const failed = failureOf(await server.finished(lease));
  assert.deepEqual([failed.kind, failed.reason], ["TERMINAL", "CONFIG_INVALID"]);
});

test("log lines of a stage carry the stage, the lease and the job's trace", async (t) => {
  const stage = noteStage(async (ctx) => {
    ctx.log("info", "thinking", { words: 3 });
    return { note: { text: "" } };
  });
  const { server, logged } = await serve(t, [stage]);
  const lease = server.offer({
    stage: stage.name,
    job: "job-7",
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    inputs: [server.inline("note", HELLO)],
  });
  await server.finished(lease);
  const { time, session, ...line } = logged.find(({ msg }) => msg === "thinking") ?? {};
  assert.ok(time !== undefined && session === undefined);
  assert.deepEqual(line, {
    level: "info",
    service: "test",
    stage: stage.name,
    lease: lease.lease,
    job: "job-7",
    attempt: 1,
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    span_id: "00f067aa0ba902b7",
    words: 3,
    msg: "thinking",
  });
});
