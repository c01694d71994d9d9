import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanData } from "@heimdex/kernel";
import { parseTraceparent } from "@heimdex/telemetry";
import { json, manifest } from "./testing/raw-worker.ts";
import { film, listen, probe } from "./testing/stages.ts";
import { stoppedClock, World } from "./testing/world.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

test("one trace from seen to searchable: every span has its place, a killed attempt too", async (t) => {
  const clock = stoppedClock(t);
  const world = await World.open(t, { acceptWithinMs: 5_000 });
  const worker = await world.worker();
  await worker.register(manifest("made.flaky"));
  const uri = await world.file("a film.json", film({ said: [{ at: 0, text: "hello" }] }));
  const job = await world.create(uri, { traceparent: `00-${TRACE}-${CALLER}-01` });
  await worker.lease();
  clock.tick(5_000);
  const second = await worker.lease();
  const parent = parseTraceparent(second.traceparent);
  assert.equal(parent?.traceId, TRACE);
  const span = {
    spanId: "00000000000000aa",
    parentSpanId: parent?.spanId ?? "",
    name: "ffmpeg",
    startTime: new Date(),
    duration: { seconds: 0, nanos: 5e6 },
    attributes: { frames: "7" },
    error: false,
  };
  await worker.complete(second, [json("out", 1)], { spans: [span] });
  const { asset } = await world.settled(job);
  await world.indexed(asset);
  const spans = await world.until(async () => {
    const found = await world.spans(job);
    return found.some(({ name }) => name === "index") ? found : undefined;
  }, "all spans are stored");
  const names = spans.map(({ name }) => name).sort();
  assert.deepEqual(names, [
    "attempt made.flaky",
    "attempt made.flaky",
    "commit made.flaky",
    "ffmpeg",
    "index",
    "job a film.json",
    "plan",
    "queue made.flaky",
    "queue made.flaky",
    "seen",
    "sidecar",
  ]);
  const root = spans.find(({ name }) => name.startsWith("job ")) as SpanData;
  assert.deepEqual([root.parentId, root.service, root.attributes.state], [CALLER, "orchestrator", "SUCCEEDED"]);
  const attempts = spans.filter(({ name }) => name === "attempt made.flaky");
  const byOutcome = new Map(attempts.map((attempt) => [attempt.attributes.outcome, attempt]));
  assert.equal(byOutcome.get("lost")?.error, true);
  const completed = byOutcome.get("completed") as SpanData;
  assert.equal(completed.spanId, parent?.spanId);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  assert.equal(ids.size, spans.length);
  for (const { name, parentId } of spans.filter((one) => one !== root))
    assert.ok(ids.has(parentId), `${name} has its parent in the trace`);
  for (const [name, above] of [
    ["ffmpeg", completed],
    ["commit made.flaky", completed],
    ["index", root],
    ["seen", root],
  ] as const)
    assert.equal(spans.find((one) => one.name === name)?.parentId, above.spanId, name);
  assert.equal(spans.find(({ name }) => name === "ffmpeg")?.service, "raw");
  assert.equal((await world.job(job)).traceId, TRACE);
});

test("a stage's own spans join the trace below its attempt; without a caller the trace begins at the job", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  const job = await world.index(await world.file("a.json", film()));
  assert.match(job.traceId, /^[0-9a-f]{32}$/);
  const spans = await world.spans(job.id);
  const hearing = spans.find(({ name }) => name === "hearing");
  assert.deepEqual([hearing?.service, hearing?.attributes], ["worker", { engine: "made up" }]);
  assert.equal(hearing?.parentId, spans.find(({ name }) => name === "attempt made.listen")?.spanId);
  assert.equal(spans.find(({ name }) => name.startsWith("job "))?.parentId, "");
});

test("a job that could not be planned has a trace that says why", async (t) => {
  const world = await World.open(t);
  const job = await world.index("file:///nowhere.mp4");
  const spans = await world.spans(job.id);
  assert.deepEqual(spans.map(({ name, error }) => [name, error]).sort(), [
    ["job nowhere.mp4", true],
    ["plan", true],
  ]);
});
