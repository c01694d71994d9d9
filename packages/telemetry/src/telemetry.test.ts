import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import {
  currentSpan,
  type FinishedSpan,
  formatTraceparent,
  newSpanId,
  newTraceId,
  parseTraceparent,
  SpanRecorder,
  startTelemetry,
  withSpan,
} from "./index.ts";

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code?: number; message?: string };
}

/** An OTLP/HTTP receiver that keeps what it is sent. */
async function receiver(t: TestContext) {
  const spans: (OtlpSpan & { service: unknown })[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    assert.equal(request.url, "/v1/traces");
    for (const { resource, scopeSpans } of JSON.parse(Buffer.concat(chunks).toString()).resourceSpans) {
      const service = resource.attributes.find((a: { key: string }) => a.key === "service.name").value.stringValue;
      for (const scope of scopeSpans) for (const span of scope.spans) spans.push({ ...span, service });
    }
    response.setHeader("content-type", "application/json").end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { spans, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function lines() {
  const written: Record<string, unknown>[] = [];
  return { written, to: { write: (line: string) => void written.push(JSON.parse(line)) } };
}

test("a span emitted after the fact reaches an OTLP receiver with the ids and times it was given", async (t) => {
  const { spans, endpoint } = await receiver(t);
  const [traceId, lease, job] = [newTraceId(), newSpanId(), newSpanId()];
  {
    await using telemetry = startTelemetry("orchestrator", { otlpEndpoint: endpoint, logLevel: "silent" });
    telemetry.tracer.emit({
      traceId,
      spanId: lease,
      parentSpanId: job,
      name: "attempt",
      startMs: 1_700_000_000_000.25,
      endMs: 1_700_000_001_500,
      attributes: { stage: "media.probe", attempt: 2 },
      error: "killed",
    });
    telemetry.tracer.emit({
      traceId,
      spanId: job,
      name: "job",
      startMs: 1_700_000_000_000,
      endMs: 1_700_000_002_000,
    });
  }
  const attempt = spans.find(({ name }) => name === "attempt");
  assert.ok(attempt !== undefined);
  assert.deepEqual([attempt.traceId, attempt.spanId, attempt.parentSpanId], [traceId, lease, job]);
  assert.equal(attempt.service, "orchestrator");
  assert.equal(attempt.startTimeUnixNano, "1700000000000250000");
  assert.equal(attempt.endTimeUnixNano, "1700000001500000000");
  assert.deepEqual(attempt.status, { code: 2, message: "killed" });
  assert.deepEqual(attempt.attributes, [
    { key: "stage", value: { stringValue: "media.probe" } },
    { key: "attempt", value: { intValue: 2 } },
  ]);
  assert.equal(spans.find(({ name }) => name === "job")?.parentSpanId, undefined);
});

test("spans nest across awaits, carry errors, and continue the trace of another process", async (t) => {
  const { spans, endpoint } = await receiver(t);
  const remote = { traceId: newTraceId(), spanId: newSpanId(), sampled: true };
  const recorder = new SpanRecorder();
  {
    await using telemetry = startTelemetry("stage", { otlpEndpoint: endpoint, logLevel: "silent" });
    const { tracer } = telemetry;
    await withSpan(remote, async () => {
      await assert.rejects(
        tracer.span("outer", { recorder }, async (outer) => {
          await new Promise(setImmediate);
          assert.deepEqual(currentSpan(), outer);
          await tracer.span("inner", { recorder, attributes: { frames: 3 } }, async () => new Promise(setImmediate));
          throw new Error("no such file");
        }),
        /no such file/,
      );
    });
    await withSpan({ ...remote, sampled: false }, () => tracer.span("unsampled", {}, async () => undefined));
  }
  const [outer, inner] = ["outer", "inner"].map((name) => spans.find((span) => span.name === name));
  assert.equal(outer?.traceId, remote.traceId);
  assert.equal(outer?.parentSpanId, remote.spanId);
  assert.equal(inner?.parentSpanId, outer?.spanId);
  assert.equal(outer?.status.message, "no such file");
  assert.equal(spans.length, 2);
  assert.deepEqual(
    recorder.spans.map(({ name, spanId }) => [name, spanId]),
    [
      ["outer", outer?.spanId],
      ["inner", inner?.spanId],
    ],
  );
});

test("a receiver that is away is one log line, and closing does not hang or reject", async () => {
  const { written, to } = lines();
  {
    // Port 9 of the loopback is closed: nothing listens below 1024 in a test.
    await using telemetry = startTelemetry("stage", { otlpEndpoint: "http://127.0.0.1:9", logTo: to });
    await telemetry.tracer.span("a", {}, async () => undefined);
    await telemetry.tracer.span("b", {}, async () => undefined);
  }
  assert.equal(written.filter(({ level }) => level === "warn").length, 1);
});

test("log lines carry service, level by name and the ids of the span they are written in", () => {
  const { written, to } = lines();
  const { log } = startTelemetry("gateway", { logLevel: "debug", otlpEndpoint: "", logTo: to });
  const span = { traceId: newTraceId(), spanId: newSpanId(), sampled: true };
  withSpan(span, () => log.child({ stage: "x.y" }).debug({ bytes: 3 }, "within"));
  log.trace("below the level");
  log.info("outside");
  assert.equal(written.length, 2);
  const { time, ...within } = written[0] as { time: string };
  assert.ok(!Number.isNaN(Date.parse(time)));
  assert.deepEqual(within, {
    level: "debug",
    service: "gateway",
    stage: "x.y",
    trace_id: span.traceId,
    span_id: span.spanId,
    bytes: 3,
    msg: "within",
  });
  assert.equal("trace_id" in (written[1] ?? {}), false);
});

test("the recorder keeps the longest spans, a parent before its children", () => {
  const recorder = new SpanRecorder(3);
  const span = (name: string, startMs: number, endMs: number): FinishedSpan => ({
    traceId: newTraceId(),
    spanId: newSpanId(),
    name,
    startMs,
    endMs,
  });
  for (const one of [span("tiny", 1, 2), span("long", 3, 9), span("child", 10, 12), span("middle", 13, 16)])
    recorder.record(one);
  recorder.record(span("parent of child, as long", 10, 12));
  recorder.record(span("too short", 17, 18));
  assert.deepEqual(
    recorder.spans.map(({ name }) => name),
    ["long", "parent of child, as long", "middle"],
  );
  assert.equal(recorder.dropped, 3);
});

const [a, b] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
for (const [name, text, want] of [
  ["sampled", `00-${a}-${b}-01`, { traceId: a, spanId: b, sampled: true }],
  ["not sampled", `00-${a}-${b}-00`, { traceId: a, spanId: b, sampled: false }],
  ["a later version, with more behind", `01-${a}-${b}-01-what`, { traceId: a, spanId: b, sampled: true }],
  ["version 00 with more behind", `00-${a}-${b}-01-what`, undefined],
  ["upper case", `00-${a.toUpperCase()}-${b}-01`, undefined],
  ["zero trace id", `00-${"0".repeat(32)}-${b}-01`, undefined],
  ["zero span id", `00-${a}-${"0".repeat(16)}-01`, undefined],
  ["version ff", `ff-${a}-${b}-01`, undefined],
  ["empty", "", undefined],
] as const) {
  test(`parseTraceparent: ${name}`, () => {
    const parsed = parseTraceparent(text);
    assert.deepEqual(parsed, want);
    if (parsed !== undefined && text.startsWith("00")) assert.equal(formatTraceparent(parsed), text);
  });
}
