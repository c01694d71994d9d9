import assert from "node:assert/strict";
import { test } from "node:test";
import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import { HeimdexError } from "@heimdex/errors";
import { manifest, port, type RawWorker, source } from "./testing/raw-worker.ts";
import { stoppedClock, World } from "./testing/world.ts";

async function refused(call: Promise<unknown>): Promise<HeimdexError> {
  try {
    await call;
  } catch (reason) {
    assert.ok(reason instanceof HeimdexError, String(reason));
    return reason;
  }
  assert.fail("was not refused");
}

const digest = "ab".repeat(32);
const SCHEMA = JSON.stringify({
  type: "object",
  properties: { a: { type: "number", default: 1 }, b: { type: "string" } },
});

test("a refused manifest is told every bad field by name", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const cases: [string, Manifest, string[]][] = [
    ["a bad name", manifest("Loud", { outputs: [port("out")] }), ["manifest.name"]],
    [
      "two bad fields",
      manifest("made.bad", { version: "1", behaviour: 0 }),
      ["manifest.version", "manifest.behaviour"],
    ],
    ["no ports", manifest("made.bad", { inputs: [], outputs: [] }), ["manifest.inputs", "manifest.outputs"]],
    [
      "bad ports",
      manifest("made.bad", {
        inputs: [source, port("Two", { mediaType: "json" }), source],
        outputs: [port("out", { major: 0 })],
      }),
      [
        "manifest.inputs[1].name",
        "manifest.inputs[1].media_type",
        "manifest.inputs[1].schema",
        "manifest.inputs[2].name",
        "manifest.outputs[0].major",
      ],
    ],
    ["the archive's own schema put out", manifest("made.bad", { outputs: [source] }), ["manifest.outputs[0].schema"]],
    ["an unknown condition", manifest("made.bad", { conditions: ["has_smell"] }), ["manifest.conditions[0]"]],
    ["a config schema that is no JSON", manifest("made.bad", { configSchema: "{" }), ["manifest.config_schema"]],
    [
      "a config without a default",
      manifest("made.bad", { configSchema: SCHEMA }),
      ["manifest.config_schema.properties.b"],
    ],
    ["a name that climbs out of a folder", manifest("../../etc/passwd", { outputs: [port("out")] }), ["manifest.name"]],
    [
      "a port and a schema that climb, too",
      manifest("made.bad", { outputs: [port("../out", { schema: "x.../../y" })] }),
      ["manifest.outputs[0].name", "manifest.outputs[0].schema"],
    ],
    ["a condition twice", manifest("made.bad", { conditions: ["has_audio", "has_audio"] }), ["manifest.conditions[1]"]],
    [
      "a config schema of no object",
      manifest("made.bad", { configSchema: '{"type":"array"}' }),
      ["manifest.config_schema"],
    ],
    [
      "a default that its own schema refuses",
      manifest("made.bad", {
        configSchema: '{"type":"object","properties":{"s":{"type":"number","minimum":1,"default":0}}}',
      }),
      ["manifest.config_schema.properties.s.default"],
    ],
    [
      "outputs that no input could tell apart",
      manifest("made.bad", { outputs: [port("one", { schema: "x.a" }), port("two", { schema: "x.a" })] }),
      ["manifest.outputs[1].schema"],
    ],
    [
      "ports that nothing can match: the source as something else, a list of it, another version of it",
      manifest("made.bad", {
        inputs: [
          { ...source, mediaType: "video/mp4" },
          { ...source, name: "many", many: true },
          { ...source, name: "next", major: 2 },
          port("beside", { schema: "heimdex.neighbour", mediaType: "text/vtt", many: true }),
        ],
      }),
      [
        "manifest.inputs[0].media_type",
        "manifest.inputs[1].many",
        "manifest.inputs[2].major",
        "manifest.inputs[3].media_type",
      ],
    ],
    [
      "layers that this server's sidecars cannot hold: of another major, of no kind, as no JSON, with a schema of one's own",
      manifest("made.bad", {
        inputs: [source, port("words", { schema: "heimdex.layer.transcript", major: 2 })],
        outputs: [
          port("smells", { schema: "heimdex.layer.smells" }),
          port("shots", { schema: "heimdex.layer.shots.mine", major: 9 }),
          port("faces", { schema: "heimdex.layer.faces", mediaType: "text/csv" }),
          port("text", { schema: "heimdex.layer.text", layerSchema: "{}" }),
          port("short", { schema: "loudness.mine", layerSchema: "{}" }),
          port("media", { schema: "heimdex.media", major: 2 }),
        ],
      }),
      [
        "manifest.inputs[1].major",
        "manifest.outputs[0].schema",
        "manifest.outputs[1].major",
        "manifest.outputs[2].media_type",
        "manifest.outputs[3].layer_schema",
        "manifest.outputs[4].schema",
        "manifest.outputs[5].major",
      ],
    ],
    [
      "a layer schema that is none",
      manifest("made.bad", { outputs: [port("out", { layerSchema: '{"type":"nonsense"}' })] }),
      ["manifest.outputs[0].layer_schema"],
    ],
    [
      "a word about search that means nothing",
      manifest("made.bad", {
        outputs: [
          port("out", {
            schema: "org.example.mood",
            layerSchema: '{"properties":{"items":{"items":{"properties":{"a":{"x-heimdex-search":"txt"}}}}}}',
          }),
        ],
      }),
      ["manifest.outputs[0].layer_schema"],
    ],
    [
      "layer schemas that no plan can hold",
      manifest("made.bad", {
        outputs: ["one", "two", "three"].map((name, index) =>
          port(name, { layerSchema: JSON.stringify({ description: "x".repeat(50_000 + index) }) }),
        ),
      }),
      ["manifest.outputs[2].layer_schema"],
    ],
  ];
  for (const [name, bad, fields] of cases) {
    const error = await refused(worker.register(bad));
    assert.equal(error.id, "STAGE_INVALID", name);
    assert.deepEqual(
      error.fields.map(({ field }) => field),
      fields,
      name,
    );
  }
  const models = await refused(
    worker.register(manifest("made.fine"), { models: [{ id: "", sha256: "x", licence: "" }] }),
  );
  assert.deepEqual(
    models.fields.map(({ field }) => field),
    ["models[0].id", "models[0].sha256"],
  );
  const reason = await refused(worker.register(manifest("made.fine"), { unavailableReason: "no model" }));
  assert.deepEqual(
    reason.fields.map(({ field }) => field),
    ["unavailable_reason"],
  );
  assert.deepEqual((await worker.registry.listStages({}, worker.options)).stages, [], "nothing was stored");
});

test("a manifest of a megabyte is refused in a few words, wherever its bulk lies", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const mega = "x".repeat(1024 * 1024);
  for (const [where, big] of Object.entries({
    name: manifest(mega),
    description: manifest("made.big", { description: mega }),
    "a schema": manifest("made.big", { configSchema: JSON.stringify({ type: "object", description: mega }) }),
    ports: manifest("made.big", { inputs: Array.from({ length: 20_000 }, (_, at) => port(`in${at}`)) }),
    conditions: manifest("made.big", { conditions: Array.from({ length: 80_000 }, (_, at) => `condition ${at}`) }),
  })) {
    const error = await refused(worker.register(big));
    assert.deepEqual(
      [error.id, error.fields.map(({ field }) => field)],
      ["STAGE_INVALID", ["manifest"]],
      `a large ${where}`,
    );
    assert.match(error.message, /too large: \d{7,} bytes as JSON, at most 163840$/);
    assert.ok(error.message.length < 500);
    assert.match(error.help, /Shorten its schemas/);
  }
  const many = manifest("made.big", { inputs: Array.from({ length: 1_000 }, () => port("UPPER")) });
  const told = await refused(worker.register(many));
  assert.ok(told.fields.length <= 24 && told.message.length < 2_000, "an answer is bounded, whatever came");
});

test("what a stage is configured to is checked against its schema: plans skip it, saying which setting and why", async (t) => {
  const configSchema = JSON.stringify({
    type: "object",
    properties: {
      seconds: { type: "number", minimum: 0.5, default: 3 },
      mode: { enum: ["fast", "good"], default: "good" },
    },
  });
  const stages = {
    "made.low": { seconds: 0.1 },
    "made.word": { mode: "best" },
    "made.typo": { second: 5 },
    "made.fine": { seconds: 1 },
  };
  const world = await World.open(t, { plan: { stages, producers: {} } });
  const worker = await world.worker();
  for (const name of Object.keys(stages)) await worker.register(manifest(name, { configSchema }));
  const job = await world.create(await world.file("a.bin", "a"));
  const { steps } = await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
  assert.deepEqual(
    steps.map(({ stage, state, reason }) => [stage, state === "SKIPPED", reason]),
    [
      ["made.fine", false, ""],
      ["made.low", true, "CONFIG_INVALID: seconds: must be >= 0.5"],
      ["made.typo", true, "CONFIG_INVALID: second: there is no such setting; it has seconds, mode"],
      ["made.word", true, 'CONFIG_INVALID: mode: must be one of "fast", "good"'],
    ],
  );
  assert.deepEqual(steps[0]?.config, { seconds: 1, mode: "good" });
  const low = await worker.registry.getStage({ name: "made.low" }, worker.options);
  assert.deepEqual([low.state, low.reason], ["UNAVAILABLE", "CONFIG_INVALID"]);
  assert.match(low.help, /seconds: must be >= 0\.5/);
  await world.restart({ plan: { stages: { "made.fine": { seconds: "one" } }, producers: {} } });
  const next = await world.create(await world.file("b.bin", "b"));
  const again = await world.untilJob(next, ({ state }) => state === "RUNNING", "is planned");
  assert.deepEqual(
    again.steps.map(({ stage, reason }) => [stage, reason]),
    [
      ["made.fine", "CONFIG_INVALID: seconds: must be number"],
      ["made.low", ""],
      ["made.typo", ""],
      ["made.word", ""],
    ],
    "settings are read anew at each start, whoever is connected",
  );
  assert.ok(world.logged.some(({ msg }) => msg.includes("seconds: must be number")));
});

test("an input that others put out in another major only is refused until one puts out that major", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const maker = (version: string, major: number) =>
    manifest("made.maker", { version, outputs: [port("out", { schema: "x.a", major })] });
  const reader = (version: string, major: number, optional = false) =>
    manifest("made.reader", {
      version,
      inputs: [source, port("in", { schema: "x.a", major, optional })],
    });
  await worker.register(maker("1.0.0", 1));
  await worker.register(reader("1.0.0", 1));
  const error = await refused(worker.register(reader("2.0.0", 2)));
  assert.equal(error.id, "STAGE_INVALID");
  assert.deepEqual(error.fields, [
    {
      field: "manifest.inputs[1].major",
      description: "2, but made.maker puts out x.a/1: take 1, or register a stage first that puts out 2",
    },
  ]);
  await worker.register(reader("1.9.0", 2, true));
  await worker.register(maker("2.0.0", 2));
  await worker.register(reader("2.0.0", 2));
  await worker.register(reader("1.0.0", 1)); // known from before: steps planned with it are still its own
});

test("an input that nothing feeds any more says who comes near it", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.reader", { inputs: [port("in", { schema: "x.a", major: 2 })] }));
  await worker.register(manifest("made.maker", { outputs: [port("out", { schema: "x.a" })] }));
  const job = await world.create(await world.file("a.bin", "a"));
  await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
  assert.equal(
    (await world.step(job, "made.reader")).reason,
    "NO_PRODUCER: no stage puts out x.a/2 (application/json), which it takes as in; made.maker puts out x.a/1 (application/json)",
  );
});

test("one version has one manifest; another version may differ", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  await worker.register(manifest("made.one"));
  const error = await refused(worker.register(manifest("made.one", { description: "Another." })));
  assert.equal(error.id, "MANIFEST_CHANGED");
  assert.deepEqual(
    error.fields.map(({ field }) => field),
    ["manifest.version"],
  );
  await worker.register(manifest("made.one", { version: "1.1.0", description: "Another." }));
  const stage = await worker.registry.getStage({ name: "made.one" }, worker.options);
  assert.deepEqual([stage.manifest?.version, stage.workers], ["1.1.0", 1]);
});

test("cycles and ports that two stages feed are refused, and nothing of them is stored", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const chain = (name: string, from: string, to: string) =>
    manifest(name, { inputs: [port("in", { schema: from })], outputs: [port("out", { schema: to })] });
  await worker.register(chain("made.there", "x.a", "x.b"));
  const cycle = await refused(worker.register(chain("made.back", "x.b", "x.a")));
  assert.equal(cycle.id, "STAGE_CYCLE");
  assert.match(cycle.message, /made\.back.*made\.there|made\.there.*made\.back/);
  assert.deepEqual(cycle.fields, [
    {
      field: "manifest.inputs[0]",
      description:
        "waits for made.there, which itself waits for made.back: take something else, or put out something else",
    },
  ]);
  await worker.register(manifest("made.first", { outputs: [port("out", { schema: "x.a" })] }));
  const ambiguous = await refused(
    worker.register(manifest("made.second", { outputs: [port("out", { schema: "x.a" })] })),
  );
  assert.equal(ambiguous.id, "STAGE_AMBIGUOUS");
  assert.match(ambiguous.message, /made\.first and made\.second/);
  assert.deepEqual(ambiguous.fields, [
    { field: 'producers["x.a/1"]', description: "name one of made.first and made.second" },
  ]);
  assert.match(ambiguous.help, /"producers": \{"x\.a\/1": "made\.first"\}/);
  const names = (await worker.registry.listStages({}, worker.options)).stages.map((stage) => stage.manifest?.name);
  assert.deepEqual(names, ["made.first", "made.there"]);
});

test("configuration chooses between two producers", async (t) => {
  const world = await World.open(t, { plan: { stages: {}, producers: { "x.a/1": "made.second" } } });
  const worker = await world.worker();
  for (const name of ["made.first", "made.second"])
    await worker.register(manifest(name, { outputs: [port("out", { schema: "x.a" })] }));
  await worker.register(manifest("made.reader", { inputs: [port("in", { schema: "x.a" })] }));
  const job = await world.create(await world.file("a.bin", "a"));
  await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
  assert.equal((await world.step(job, "made.reader")).bindings[0]?.from, "made.second");
});

test("calls need the session's own token", async (t) => {
  const world = await World.open(t);
  const [one, other] = [await world.worker(), await world.worker()];
  const as = (session: string, token: RawWorker) =>
    one.work.acquireLeases({ session, requestId: "r", slots: [] }, token.options);
  assert.equal((await refused(as(one.id, other))).id, "UNAUTHENTICATED");
  for (const unknown of ["s_0000", "", "x".repeat(2_000)])
    assert.equal((await refused(as(unknown, one))).id, "SESSION_UNKNOWN");
  assert.equal((await refused(one.registry.listStages({}))).id, "UNAUTHENTICATED");
  assert.equal((await refused(one.registry.retireStage({ name: "made.one" }))).id, "UNAUTHENTICATED");
  assert.equal((await refused(one.registry.getStage({ name: "made.one" }, one.options))).id, "NOT_FOUND");
  await one.work.closeSession({ session: one.id }, one.options);
  await one.work.closeSession({ session: one.id }, one.options);
  assert.equal((await refused(as(one.id, one))).id, "SESSION_UNKNOWN");
  const version = await refused(one.work.openSession({ protocolVersions: [7], worker: "w" }));
  assert.equal(version.id, "PROTOCOL_UNSUPPORTED");
  assert.deepEqual(
    version.fields.map(({ field }) => field),
    ["protocol_versions"],
  );
});

test("registrations and renewals that meet keep each other's part of the session", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const names = Array.from({ length: 12 }, (_, index) => `made.s${index}`);
  await Promise.all([
    ...names.map((name) => worker.register(manifest(name))),
    ...names.map(() => worker.renew([])),
    ...names.map(() => worker.acquire({ slots: {}, waitMs: 0 })),
  ]);
  const { stages } = await worker.registry.listStages({}, worker.options);
  assert.deepEqual(
    stages.map((stage) => [stage.manifest?.name, stage.workers]),
    names.sort().map((name) => [name, 1]),
  );
});

test("a stage is unavailable only while no live worker can run it, and plans hold it as skipped with the reason", async (t) => {
  const clock = stoppedClock(t);
  const world = await World.open(t, { leaseTtlMs: 5_000 });
  const [able, unable] = [await world.worker(), await world.worker()];
  const no = { unavailableReason: "NO_MODEL", unavailableHelp: "Pull it." };
  await able.register(manifest("made.one"), { models: [{ id: "m", sha256: digest, licence: "MIT" }] });
  assert.equal((await unable.register(manifest("made.one"), no))?.state, "ENABLED");
  await unable.register(manifest("made.other"));
  assert.deepEqual((await able.registry.getStage({ name: "made.one" }, able.options)).models[0]?.id, "m");
  clock.tick(5_001);
  assert.equal(
    (await unable.register(manifest("made.one"), no))?.state,
    "UNAVAILABLE",
    "the silent worker counts no more",
  );
  const job = await world.create(await world.file("a.bin", "a"));
  await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
  const step = await world.step(job, "made.one");
  assert.deepEqual(
    [step.state, step.reason, step.help],
    ["SKIPPED", `NO_MODEL: no worker here can run ${step.stage}`, "Pull it."],
  );
});

test("a model has one digest in a session: what is not what was declared is refused, a new session may declare anew", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const [before, after] = ["a".repeat(64), "b".repeat(64)];
  const model = (sha256: string) => ({ models: [{ id: "m", sha256, licence: "" }] });
  await worker.register(manifest("made.one"), model(before));
  await worker.register(manifest("made.two"), model(before));
  for (const name of ["made.one", "made.two", "made.three"]) {
    const { id, fields } = await refused(worker.register(manifest(name), model(after)));
    assert.equal(id, "STAGE_INVALID");
    assert.deepEqual(
      fields.map(({ field }) => field),
      ["models[0].sha256"],
    );
    assert.match(fields[0]?.description ?? "", /declared m with for made\.(one|two).*opens a new session/);
  }
  const changed = await world.worker();
  await changed.register(manifest("made.one"), model(after));
});

test("only a session with the planned models gets the lease", async (t) => {
  const world = await World.open(t);
  const [old, fresh] = [await world.worker(), await world.worker()];
  const model = (sha256: string) => ({ models: [{ id: "m", sha256, licence: "" }] });
  await old.register(manifest("made.one"), model("aa".repeat(32)));
  await fresh.register(manifest("made.one"), model("bb".repeat(32)));
  await world.create(await world.file("a.bin", "a"));
  const lease = await fresh.lease();
  assert.equal(lease.stage, "made.one");
  await fresh.release(lease);
  assert.deepEqual(await old.acquire({ waitMs: 0 }), []);
});

test("a retired stage is in no new plan; stages are listed in pages", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  for (const name of ["made.a", "made.b", "made.c"]) await worker.register(manifest(name));
  assert.equal((await worker.registry.retireStage({ name: "made.b" }, worker.options)).state, "RETIRED");
  const job = await world.create(await world.file("a.bin", "a"));
  const planned = await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
  assert.deepEqual(
    planned.steps.map(({ stage }) => stage),
    ["made.a", "made.c"],
  );
  const first = await worker.registry.listStages({ pageSize: 2 }, worker.options);
  const second = await worker.registry.listStages({ pageSize: 2, pageToken: first.nextPageToken }, worker.options);
  assert.deepEqual(
    [...first.stages, ...second.stages].map((stage) => stage.manifest?.name),
    ["made.a", "made.b", "made.c"],
  );
  assert.equal(second.nextPageToken, "");
});
