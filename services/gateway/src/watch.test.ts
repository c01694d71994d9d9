import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { createChannel, createClient } from "nice-grpc";
import { ask, asset, job, openGateway, session, step, type TestGateway } from "./testing.ts";

/** Long enough that no test passes by the poll alone. */
const NEVER_MS = 3_600_000;

async function client(t: TestContext, gateway: TestGateway) {
  const channel = createChannel(gateway.grpcAddress);
  t.after(() => channel.close());
  return createClient(JobServiceDefinition, channel);
}

/** Takes one message; fails when the stream has ended. */
async function next<T>(stream: AsyncIterator<T>): Promise<T> {
  const result = await stream.next();
  assert.equal(result.done, false);
  return result.value;
}

test("a watcher sees the job now, after each event, and the end", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: NEVER_MS });
  const jobs = await client(t, gateway);
  await gateway.storeJob(job("j_1", { state: "QUEUED" }));
  const stream = jobs.watchJob({ job: "j_1" })[Symbol.asyncIterator]();
  assert.deepEqual([(await next(stream)).job?.state, 1], ["QUEUED", 1]);
  await gateway.storeJob(job("j_1", { state: "RUNNING" }));
  await gateway.ports.bus.publish("events.job.j_1", { version: 2 });
  const running = (await next(stream)).job;
  assert.deepEqual([running?.state, running?.version], ["RUNNING", 2]);
  // Ended, but its sidecar is not written yet: the watcher stays.
  await gateway.storeJob(job("j_1", { state: "SUCCEEDED", endedAtMs: 7 }));
  await gateway.ports.bus.publish("events.job.j_1", { version: 3 });
  assert.equal((await next(stream)).job?.sidecarRevision, 0);
  await gateway.storeJob(job("j_1", { state: "SUCCEEDED", endedAtMs: 7, settled: true, sidecarRevision: 4 }));
  await gateway.ports.bus.publish("events.job.j_1", { version: 4 });
  assert.equal((await next(stream)).job?.sidecarRevision, 4);
  assert.equal((await stream.next()).done, true);
});

test("who asks for it is told when what the job found can be searched", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: NEVER_MS });
  const jobs = await client(t, gateway);
  const ended = { state: "SUCCEEDED", asset: "a_1", endedAtMs: 7, settled: true, sidecarRevision: 2 } as const;
  await gateway.storeJob(job("j_1", ended));
  await gateway.storeAsset(asset("a_1", { sidecarRevision: 2, indexedRevision: 1 }));
  const stream = jobs.watchJob({ job: "j_1", untilSearchable: true })[Symbol.asyncIterator]();
  assert.equal((await next(stream)).job?.searchable, false);
  await gateway.storeAsset(asset("a_1", { sidecarRevision: 2, indexedRevision: 2 }));
  await gateway.ports.bus.publish("events.job.j_1", {});
  assert.equal((await next(stream)).job?.searchable, true);
  assert.equal((await stream.next()).done, true);
  await gateway.storeJob(job("j_2", { state: "FAILED", endedAtMs: 7, settled: true }));
  const failed = jobs.watchJob({ job: "j_2", untilSearchable: true })[Symbol.asyncIterator]();
  await next(failed);
  assert.equal((await failed.next()).done, true, "what left no sidecar never can be");
});

test("a lost event only delays a change", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: 20 });
  const jobs = await client(t, gateway);
  await gateway.storeJob(job("j_1"));
  const stream = jobs.watchJob({ job: "j_1" })[Symbol.asyncIterator]();
  await next(stream);
  await gateway.storeJob(job("j_1", { state: "CANCELLED", endedAtMs: 7, settled: true }));
  assert.equal((await next(stream)).job?.state, "CANCELLED");
  assert.equal((await stream.next()).done, true);
});

test("progress is a change, though the job's document stays as it is", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: 20 });
  const jobs = await client(t, gateway);
  const lease = { id: "l", epoch: 1, session: "s_1", requestId: "", expiresAtMs: 0, grantedAtMs: 0, spanId: "" };
  await gateway.storeJob(job("j_1", { steps: [step("a.b", { state: "LEASED", lease })] }));
  const stream = jobs.watchJob({ job: "j_1" })[Symbol.asyncIterator]();
  assert.equal((await next(stream)).job?.steps[0]?.progress, 0);
  const renewal = { untilMs: 0, done: 1, total: 2, unit: "", message: "half", progressAtMs: 0 };
  await gateway.store("sessions", "s_1", session("s_1", ["a.b"], { renewals: { l: renewal } }), ["session"]);
  assert.deepEqual((await next(stream)).job?.steps[0]?.progress, 0.5);
  await stream.return?.();
});

test("a watch resumes behind the version it saw", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: 20 });
  const jobs = await client(t, gateway);
  await gateway.storeJob(job("j_1"));
  await gateway.storeJob(job("j_1", { state: "RUNNING" }));
  const stream = jobs.watchJob({ job: "j_1", afterVersion: 2 })[Symbol.asyncIterator]();
  const first = next(stream);
  await gateway.storeJob(job("j_1", { state: "FAILED", endedAtMs: 1, settled: true }));
  const { job: seen } = await first;
  assert.deepEqual([seen?.version, seen?.state], [3, "FAILED"]);
  assert.equal((await stream.next()).done, true);
  const late = [];
  for await (const message of jobs.watchJob({ job: "j_1", afterVersion: 3 })) late.push(message);
  assert.deepEqual(late, []);
});

test("a watcher who leaves is forgotten, and one who watches nothing hears so", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: NEVER_MS });
  const jobs = await client(t, gateway);
  await gateway.storeJob(job("j_1"));
  const leave = new AbortController();
  const stream = jobs.watchJob({ job: "j_1" }, { signal: leave.signal })[Symbol.asyncIterator]();
  await next(stream);
  leave.abort();
  await assert.rejects(stream.next(), { name: "AbortError" });
  await assert.rejects(jobs.watchJob({ job: "j_9" })[Symbol.asyncIterator]().next(), /NOT_FOUND/);
  const began = performance.now();
  await gateway[Symbol.asyncDispose]();
  assert.ok(performance.now() - began < 1_500, "nothing was left to drain");
});

test("a gateway that closes tells its watchers", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: NEVER_MS });
  const jobs = await client(t, gateway);
  await gateway.storeJob(job("j_1"));
  const stream = jobs.watchJob({ job: "j_1" })[Symbol.asyncIterator]();
  await next(stream);
  const sse = await openStream(gateway.httpAddress, "/v1/jobs/j_1:watch");
  await sse.event();
  const ended = stream.next();
  const closed = gateway[Symbol.asyncDispose]();
  await assert.rejects(ended, /UNAVAILABLE/);
  const error = await sse.event();
  assert.equal(error.event, "error");
  assert.equal(JSON.parse(error.data ?? "").error.status, "UNAVAILABLE");
  await closed;
  await gateway.stopped;
});

interface ServerSentEvent {
  readonly event?: string;
  readonly id?: string;
  readonly data?: string;
}

/** Server-sent events as a browser would read them. */
async function openStream(address: string, path: string, headers: Record<string, string> = {}) {
  const { hostname, port } = new URL(`http://${address}`);
  const request = httpRequest({ hostname, port, path, headers, agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.setEncoding("utf8");
  const chunks = response[Symbol.asyncIterator]();
  let buffer = "";
  return {
    response,
    close: () => request.destroy(),
    async event(): Promise<ServerSentEvent> {
      for (;;) {
        const end = buffer.indexOf("\n\n");
        if (end >= 0) {
          const lines = buffer.slice(0, end).split("\n");
          buffer = buffer.slice(end + 2);
          return Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
        }
        const { done, value } = await chunks.next();
        if (done) return {};
        buffer += value;
      }
    },
  };
}

test("over HTTP a watch is server-sent events that EventSource can resume", async (t) => {
  const gateway = await openGateway(t, { watchPollMs: NEVER_MS });
  await gateway.storeAsset(asset("a_1"));
  await gateway.storeJob(job("j_1", { asset: "a_1" }));
  const sse = await openStream(gateway.httpAddress, "/v1/jobs/j_1:watch");
  assert.equal(sse.response.headers["content-type"], "text/event-stream");
  const first = await sse.event();
  assert.deepEqual([first.event, first.id], ["job", "1"]);
  assert.equal(JSON.parse(first.data ?? "").source_uri, "file:///films/harbour.mp4");
  await gateway.storeJob(job("j_1", { asset: "a_1", state: "PARTIAL", endedAtMs: 9, settled: true }));
  await gateway.ports.bus.publish("events.job.j_1", {});
  const last = await sse.event();
  assert.deepEqual([last.id, JSON.parse(last.data ?? "").state], ["2", "PARTIAL"]);
  assert.deepEqual(await sse.event(), {});
  // EventSource comes back by itself after the end; 204 tells it to stop.
  const again = await ask(gateway.httpAddress, "/v1/jobs/j_1:watch", { headers: { "last-event-id": "2" } });
  assert.deepEqual([again.status, again.body.length], [204, 0]);
  assert.equal((await ask(gateway.httpAddress, "/v1/jobs/j_9:watch")).status, 404);
});
