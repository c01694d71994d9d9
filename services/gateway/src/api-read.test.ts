import assert from "node:assert/strict";
import { test } from "node:test";
import { openMetrics } from "@heimdex/metrics";
import { ask, asset, job, openGateway, session, stage, step } from "./testing.ts";

test("an asset reads in proto names, defaults present", async (t) => {
  const gateway = await openGateway(t);
  await gateway.storeAsset(asset("a_1", { sidecarRevision: 3, indexedRevision: 2, latestJob: "j_1" }));
  const { status, json, headers } = await ask(gateway.httpAddress, "/v1/assets/a_1");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "application/json");
  assert.deepEqual(json, {
    asset: "a_1",
    fingerprint: "ab".repeat(32),
    sources: [{ uri: "file:///films/a_1.mp4", size: "10", modify_time: "2020-09-13T12:26:40Z", missing: false }],
    title: "harbour.mp4",
    duration_ms: 60_000,
    sidecar_revision: 3,
    indexed_revision: 2,
    latest_job: "j_1",
    create_time: "2023-11-14T22:13:20Z",
    state: "PRESENT",
    stale: false,
  });
});

test("an asset whose every source has vanished is MISSING", async (t) => {
  const gateway = await openGateway(t);
  const sources = [{ uri: "file:///gone.mp4", size: 1, modifiedMs: 0, missing: true }];
  await gateway.storeAsset(asset("a_1", { sources }));
  const { json } = await ask(gateway.httpAddress, "/v1/assets/a_1");
  assert.equal(json.state, "MISSING");
  assert.equal("modify_time" in json.sources[0], false);
});

test("what is not there says so with its stable id", async (t) => {
  const gateway = await openGateway(t);
  await gateway.storeAsset(asset("a_other", { tenant: "other" }));
  for (const [path, id] of [
    ["/v1/assets/a_none", "ASSET_NOT_FOUND"],
    ["/v1/assets/a_other", "ASSET_NOT_FOUND"],
    ["/v1/jobs/j_none", "JOB_NOT_FOUND"],
    ["/v1/jobs/j_none/trace", "JOB_NOT_FOUND"],
    ["/v1/assets/a_none/sidecar", "ASSET_NOT_FOUND"],
    ["/v1/assets/a_none/media", "ASSET_NOT_FOUND"],
  ] as const) {
    const { status, json } = await ask(gateway.httpAddress, path);
    assert.equal(status, 404, path);
    assert.equal(json.error.code, 404);
    assert.equal(json.error.status, "NOT_FOUND");
    assert.equal(json.error.details[0].reason, id, path);
    assert.equal(json.error.details[0].domain, "heimdex.dev");
    assert.notEqual(json.error.details[0].metadata.help, "");
  }
});

test("assets come newest first, page by page, each once", async (t) => {
  const gateway = await openGateway(t);
  for (let i = 1; i <= 5; i++) await gateway.storeAsset(asset(`a_${(i * 7) % 5}`, { createdAtMs: 1000 * i }));
  const seen: string[] = [];
  let token = "";
  let pages = 0;
  do {
    const { json } = await ask(gateway.httpAddress, `/v1/assets?page_size=2&page_token=${token}`);
    seen.push(...json.assets.map((found: { asset: string }) => found.asset));
    token = json.next_page_token;
    pages++;
  } while (token !== "");
  assert.deepEqual(seen, ["a_0", "a_3", "a_1", "a_4", "a_2"]);
  assert.equal(pages, 3);
});

test("an asset is found by the URI of a source", async (t) => {
  const gateway = await openGateway(t);
  await gateway.storeAsset(asset("a_1"));
  await gateway.storeAsset(asset("a_2"));
  const list = async (uri: string) =>
    (await ask(gateway.httpAddress, `/v1/assets?source_uri=${encodeURIComponent(uri)}`)).json.assets;
  assert.deepEqual(
    (await list("file:///films/a_2.mp4")).map((found: { asset: string }) => found.asset),
    ["a_2"],
  );
  assert.deepEqual(await list("file:///films/a_9.mp4"), []);
});

test("a job shows each step as it stands, with workers and progress", async (t) => {
  const gateway = await openGateway(t);
  const lease = { id: "j_1-1-2", epoch: 2, session: "s_1", requestId: "", expiresAtMs: 0, grantedAtMs: 0, spanId: "" };
  const renewal = { untilMs: 0, done: 30, total: 120, unit: "frames", message: "reading frames", progressAtMs: 0 };
  await gateway.store(
    "sessions",
    "s_1",
    session("s_1", ["media.analyze", "vision.text"], { renewals: { "j_1-1-2": renewal } }),
    ["session"],
  );
  await gateway.store("sessions", "s_2", session("s_2", ["embed.text"], { seenAtMs: Date.now() - 120_000 }), [
    "session",
  ]);
  const unavailable = session("s_3", []);
  const offers = [
    { stage: "asr.transcribe", version: "1", models: [], unavailable: "NO_MODEL: none", interactive: false },
  ];
  await gateway.store("sessions", "s_3", { ...unavailable, stages: offers }, ["session"]);
  await gateway.storeAsset(asset("a_1", { sidecarRevision: 2, indexedRevision: 2 }));
  await gateway.storeJob(
    job("j_1", {
      asset: "a_1",
      facts: { has_audio: true, has_video: true, has_subtitles: false, duration_ms: 60_000 },
      sidecarRevision: 2,
      steps: [
        step("media.probe", { state: "CACHED", wallMs: 12.4, cpuMs: 7.6 }),
        step("media.analyze", { state: "LEASED", lease, epoch: 2, estimateMs: 900 }),
        step("vision.text", { state: "READY" }),
        step("asr.transcribe", { state: "READY" }),
        step("embed.text", { state: "READY" }),
        step("asr.subtitles", { state: "SKIPPED", reason: "NO_SUBTITLES: there are none", help: "Nothing." }),
        step("media.scenes", { state: "OK", partial: "the file is cut off at 3 s" }),
      ],
    }),
  );
  const { json } = await ask(gateway.httpAddress, "/v1/jobs/j_1");
  assert.deepEqual(
    json.steps.map(({ stage: name, state }: { stage: string; state: string }) => [name, state]),
    [
      ["media.probe", "CACHED"],
      ["media.analyze", "RUNNING"],
      ["vision.text", "READY"],
      ["asr.transcribe", "NO_WORKER"],
      ["embed.text", "NO_WORKER"],
      ["asr.subtitles", "SKIPPED"],
      ["media.scenes", "OK"],
    ],
  );
  assert.deepEqual([json.steps[0].wall_ms, json.steps[0].cpu_ms], [12, 8]);
  assert.deepEqual(
    [json.steps[1].progress, json.steps[1].message, json.steps[1].attempts],
    [0.25, "reading frames", 2],
  );
  assert.equal(json.steps[5].reason, "NO_SUBTITLES: there are none");
  assert.equal(json.steps[6].reason, "PARTIAL: the file is cut off at 3 s");
  assert.equal(json.duration_ms, 60_000);
  assert.equal(json.searchable, true);
  assert.equal("end_time" in json, false);
});

for (const [name, sidecarRevision, indexedRevision, want] of [
  ["no sidecar yet", 0, 0, false],
  ["not indexed yet", 2, 1, false],
  ["indexed", 2, 2, true],
  ["a later revision is indexed", 2, 3, true],
] as const) {
  test(`searchable: ${name}`, async (t) => {
    const gateway = await openGateway(t);
    await gateway.storeAsset(asset("a_1", { indexedRevision }));
    await gateway.storeJob(job("j_1", { asset: "a_1", sidecarRevision }));
    assert.equal((await ask(gateway.httpAddress, "/v1/jobs/j_1")).json.searchable, want);
  });
}

test("jobs come newest first, filtered by asset and by being active", async (t) => {
  const gateway = await openGateway(t);
  const ended = { state: "SUCCEEDED", endedAtMs: 5, settled: true } as const;
  await gateway.storeJob(job("j_1", { asset: "a_1", ...ended }));
  await gateway.storeJob(job("j_2", { asset: "a_2", ...ended }));
  await gateway.storeJob(job("j_3", { asset: "a_1" }));
  await gateway.storeJob(job("j_4", { asset: "a_2" }));
  await gateway.storeJob(job("j_5", { asset: "a_1", tenant: "other" }));
  const list = async (query: string) => {
    const { json } = await ask(gateway.httpAddress, `/v1/jobs?${query}`);
    return json.jobs.map((found: { job: string }) => found.job);
  };
  assert.deepEqual(await list(""), ["j_4", "j_3", "j_2", "j_1"]);
  assert.deepEqual(await list("active_only=true"), ["j_4", "j_3"]);
  assert.deepEqual(await list("asset=a_1"), ["j_3", "j_1"]);
  assert.deepEqual(await list("asset=a_1&active_only=true"), ["j_3"]);
  const first = (await ask(gateway.httpAddress, "/v1/jobs?asset=a_1&page_size=1")).json;
  assert.deepEqual(await list(`asset=a_1&page_size=1&page_token=${first.next_page_token}`), ["j_1"]);
  const foreign = await ask(gateway.httpAddress, `/v1/jobs?asset=a_2&page_token=${first.next_page_token}`);
  assert.equal(foreign.status, 400);
  assert.equal(foreign.json.error.details[1].field_violations[0].field, "page_token");
});

test("a trace is whole, by start, each span once", async (t) => {
  const gateway = await openGateway(t);
  await gateway.storeJob(job("j_1"));
  const span = (spanId: string, startMs: number) => ({
    name: `work ${spanId}`,
    service: "orchestrator",
    spanId,
    parentId: "",
    startMs,
    durationMs: 1.5,
    attributes: { stage: "media.probe" },
    error: false,
  });
  const traceId = job("j_1").traceId;
  await gateway.store("spans", "j_1/2", { traceId, spans: [span("c", 30.25), span("a", 10)] }, ["job:j_1"]);
  await gateway.store("spans", "j_1/1", { traceId, spans: [span("b", 20), span("a", 10)] }, ["job:j_1"]);
  await gateway.store("spans", "j_2/1", { traceId, spans: [span("z", 1)] }, ["job:j_2"]);
  const { json } = await ask(gateway.httpAddress, "/v1/jobs/j_1/trace");
  assert.equal(json.trace_id, traceId);
  assert.deepEqual(
    json.spans.map(({ span_id, start_ms }: { span_id: string; start_ms: number }) => [span_id, start_ms]),
    [
      ["a", 10],
      ["b", 20],
      ["c", 30.25],
    ],
  );
  assert.deepEqual(json.spans[0].attributes, { stage: "media.probe" });
});

test("a sidecar comes byte for byte, by revision, with a tag", async (t) => {
  const gateway = await openGateway(t);
  const old = Buffer.from('{"revision":1, "unknown":"kept"}\n');
  const newest = Buffer.from('{"revision":2}');
  await gateway.ports.blobs.putNamed("default", "sidecars/a_1/1.json", old);
  await gateway.ports.blobs.putNamed("default", "sidecars/a_1/2.json", newest);
  await gateway.storeAsset(asset("a_1", { sidecarRevision: 2 }));
  const path = "/v1/assets/a_1/sidecar";
  const reply = await ask(gateway.httpAddress, path);
  assert.deepEqual(reply.body, newest);
  assert.equal(reply.headers["content-type"], "application/json");
  assert.deepEqual((await ask(gateway.httpAddress, `${path}?revision=1`)).body, old);
  const missing = await ask(gateway.httpAddress, `${path}?revision=9`);
  assert.equal(missing.json.error.details[0].reason, "SIDECAR_NOT_FOUND");
  const again = await ask(gateway.httpAddress, path, { headers: { "if-none-match": String(reply.headers.etag) } });
  assert.equal(again.status, 304);
  await gateway.storeAsset(asset("a_2"));
  assert.equal((await ask(gateway.httpAddress, "/v1/assets/a_2/sidecar")).status, 404);
});

test("stages come by name with their workers", async (t) => {
  const gateway = await openGateway(t);
  for (const name of ["vision.text", "asr.transcribe"])
    await gateway.store("stages", name, stage(name), ["state:ENABLED"]);
  await gateway.store("sessions", "s_1", session("s_1", ["vision.text"]), ["session"]);
  const { json } = await ask(gateway.httpAddress, "/v1/stages");
  assert.deepEqual(
    json.stages.map((info: { stage: string; workers: number }) => [info.stage, info.workers]),
    [
      ["asr.transcribe", 0],
      ["vision.text", 1],
    ],
  );
  assert.deepEqual(json.stages[0].inputs, ["application/json; heimdex.media/1"]);
  assert.deepEqual(json.stages[0].models, ["ppocr-v4"]);
});

test("a stage shows the version that plans use, who serves others, and why it is not used", async (t) => {
  const gateway = await openGateway(t);
  for (const [name, more] of Object.entries({
    "a.kept": { disabled: { sinceMs: 1, isPurging: false, isKept: true } },
    "b.retired": { state: "RETIRED" },
    "c.misset": { misconfigured: "seconds: must be >= 1" },
    "d.both": {},
  } as const))
    await gateway.store("stages", name, stage(name, more), ["state:ENABLED"]);
  const old = { stage: "d.both", version: "0.9.0", models: [], unavailable: "", interactive: false };
  await gateway.store("sessions", "s_1", session("s_1", ["d.both"]), ["session"]);
  for (const id of ["s_2", "s_3"])
    await gateway.store("sessions", id, { ...session(id, []), stages: [old] }, ["session"]);
  const { json } = await ask(gateway.httpAddress, "/v1/stages");
  const [kept, retired, misset, both] = json.stages;
  assert.deepEqual([kept.state, kept.reason], ["DISABLED", "DISABLED: it was turned off; what it made is kept"]);
  assert.equal(retired.state, "RETIRED");
  assert.match(retired.reason, /^RETIRED: .*until a newer version registers or it is enabled$/);
  assert.deepEqual([misset.state, misset.reason], ["UNAVAILABLE", "CONFIG_INVALID: seconds: must be >= 1"]);
  assert.deepEqual([both.version, both.workers, both.other_versions], ["1.0.0", 1, [{ version: "0.9.0", workers: 2 }]]);
  // A step waits for its own version, whoever serves another.
  await gateway.storeJob(job("j_1", { steps: [step("d.both", { state: "READY", version: "0.8.0" })] }));
  assert.equal((await ask(gateway.httpAddress, "/v1/jobs/j_1")).json.steps[0].state, "NO_WORKER");
});

test("the status counts what there is", async (t) => {
  const gateway = await openGateway(t, { data: "/films/.heimdex", version: "1.2.3" });
  const lease = { id: "l", epoch: 1, session: "s", requestId: "", expiresAtMs: 0, grantedAtMs: 0, spanId: "" };
  await gateway.storeAsset(asset("a_1"));
  await gateway.storeJob(
    job("j_1", {
      steps: [
        step("vision.text", { state: "READY" }),
        step("x.y", { state: "LEASED", lease }),
        step("x.z", { state: "LEASED", lease }),
        step("vision.faces", { state: "LEASED", lease }),
      ],
    }),
  );
  await gateway.storeJob(job("j_2", { steps: [step("vision.text", { state: "READY" })] }));
  await gateway.storeJob(job("j_3", { state: "FAILED", endedAtMs: 9, settled: true }));
  await gateway.store("stages", "vision.text", stage("vision.text"), ["state:ENABLED"]);
  await gateway.store("stages", "vision.faces", stage("vision.faces"), ["state:ENABLED"]);
  await gateway.store("meta", "pause", { reason: "DISK_FULL: 1 GiB is left" }, []);
  await gateway.ports.blobs.putNamed("default", "sidecars/a_1/1.json", Buffer.alloc(100));
  const { json } = await ask(gateway.httpAddress, "/v1/status");
  const { version, profile, data, assets, active_jobs, ready_steps, running_steps, moments, paused_reason } = json;
  assert.deepEqual(
    { version, profile, data, assets, active_jobs, ready_steps, running_steps, moments, paused_reason },
    {
      version: "1.2.3",
      profile: "embedded",
      data: "/films/.heimdex",
      assets: 1,
      active_jobs: 2,
      ready_steps: 2,
      running_steps: 3,
      moments: 0,
      paused_reason: "DISK_FULL: 1 GiB is left",
    },
  );
  const idle = { state: "NO_WORKER", reason: "", workers: 0, ready: 0, leased: 0 };
  assert.deepEqual(json.stages, [
    { ...idle, stage: "vision.faces", leased: 1 },
    { ...idle, stage: "vision.text", ready: 2 },
  ]);
  assert.ok(Number(json.bytes.sidecars) >= 100);
  assert.ok(Number(json.free_bytes) > 0);
});

test("figures: requests are counted by route and status, calls by method", async (t) => {
  const gateway = await openGateway(t, {}, undefined, await openMetrics("gateway"));
  await ask(gateway.httpAddress, "/v1/assets/a_1");
  await ask(gateway.httpAddress, "/v1/assets/a_2");
  await ask(gateway.httpAddress, "/nothing");
  const answer = await fetch(`http://${gateway.httpAddress}/metrics`);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  for (const [route, count] of [
    ["heimdex.v1.AssetService.GetAsset", 2],
    ["", 1],
  ] as const) {
    const labels = `http_route="${route}",http_response_status_code="404"`;
    assert.match(text, new RegExp(`^http_server_request_duration_seconds_count\\{${labels}\\} ${count}$`, "m"));
  }
});

test("health", async (t) => {
  const gateway = await openGateway(t);
  const { status, json } = await ask(gateway.httpAddress, "/healthz");
  assert.deepEqual([status, json], [200, { status: "SERVING" }]);
  assert.equal((await ask(gateway.httpAddress, "/livez")).status, 200);
});
