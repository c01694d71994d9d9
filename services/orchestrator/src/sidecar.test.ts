import assert from "node:assert/strict";
import { test } from "node:test";
import type { AssetRecord } from "@heimdex/kernel";
import { checkSidecar, type Sidecar } from "@heimdex/sidecar";
import { sidecarName } from "./sidecar-revision.ts";
import { json, manifest, port, source } from "./testing/raw-worker.ts";
import { film, listen, loudness, probe, split } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

test("the sidecar tells four things apart: ran, found nothing, did not apply, failed", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await world.serve([probe(), listen(), split()]);
  await worker.register(manifest("made.broken", { outputs: [port("out", { schema: "heimdex.layer.faces" })] }));
  await worker.register(manifest("made.absent"), { unavailableReason: "NO_MODEL", unavailableHelp: "Pull it." });
  await worker.register(
    manifest("made.sightless", {
      conditions: ["has_subtitles"],
      outputs: [port("out", { schema: "heimdex.layer.text" })],
    }),
  );
  const job = await world.create(await world.file("a.json", film({ durationMs: 4_000 })));
  await worker.fail(await worker.lease({ slots: { "made.broken": 1 } }), {
    kind: "TERMINAL",
    reason: "BROKEN",
    message: "It broke.",
  });
  const ended = await world.settled(job);
  assert.equal(ended.state, "PARTIAL");
  const sidecar = await world.sidecar(ended.asset);
  assert.deepEqual(checkSidecar(sidecar), []);
  const runs = new Map(sidecar.runs.map((run) => [run.stage, run]));
  assert.deepEqual(
    sidecar.runs.map(({ stage, status, reason }) => [stage, status, reason?.split(":")[0]]),
    [
      ["made.absent", "SKIPPED", "NO_MODEL"],
      ["made.broken", "FAILED", "BROKEN"],
      ["made.probe", "OK", undefined],
      ["made.listen", "EMPTY", undefined],
      ["made.sightless", "SKIPPED", "NO_SUBTITLES"],
      ["made.split", "OK", undefined],
    ],
  );
  assert.deepEqual(sidecar.layers, [
    { kind: "transcript", version: 1, language: "en", items: [], run: "run_made.listen" },
  ]);
  assert.equal(sidecar.media?.duration_ms, 4_000);
  const heard = runs.get("made.listen");
  assert.ok(heard);
  const { key, started_at, wall_ms, cpu_ms, worker: by, ...rest } = heard;
  assert.deepEqual(rest, {
    id: "run_made.listen",
    stage: "made.listen",
    version: "1.0.1",
    behaviour: 1,
    status: "EMPTY",
    models: [],
    config: {},
    inputs: [{ port: "source", sha256: ended.fingerprint }],
    device: "cpu",
    attempts: 1,
  });
  assert.match(key ?? "", /^[0-9a-f]{64}$/);
  assert.ok(
    Date.parse(started_at ?? "") > 0 && wall_ms !== undefined && cpu_ms !== undefined && by?.startsWith("worker@"),
  );
});

test("layers of others, people's edits and unknown fields outlive a new revision; nothing new makes none", async (t) => {
  const world = await World.open(t);
  let stop = await world.serve([probe(), listen(), loudness()]);
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "first" }] }));
  const { asset } = await world.index(uri);
  const stored = await world.indexed(asset);
  const first = await world.sidecar(asset);
  const foreign = {
    kind: "org.example.edit",
    version: 3,
    run: "run_person",
    items: [{ id: "e1", start_ms: 0, end_ms: 5, mood: "calm" }],
  };
  const edited = {
    ...first,
    revision: 2,
    colour: "blue",
    asset: { ...first.asset, shelf: 7 },
    runs: [
      ...first.runs,
      { id: "run_person", stage: "people.edit", version: "1.0.0", behaviour: 1, status: "OK", by: "somebody" },
    ],
    layers: [...first.layers, foreign],
  };
  await world.ports.blobs.putNamed(TENANT, sidecarName(asset, 2), Buffer.from(JSON.stringify(edited)));
  const now = (await world.ports.catalog.get<AssetRecord>("assets", asset)) as NonNullable<
    Awaited<ReturnType<typeof world.ports.catalog.get<AssetRecord>>>
  >;
  await world.ports.catalog.write([
    {
      op: "replace",
      collection: "assets",
      id: asset,
      version: now.version,
      terms: now.terms,
      sort: now.sort,
      body: { ...stored, sidecarRevision: 2 },
    },
  ]);
  assert.equal((await world.index(uri)).sidecarRevision, 2, "nothing new");
  await stop();
  stop = await world.serve([probe(), listen(undefined, 2), loudness()]);
  const worker = await world.worker();
  await worker.registry.retireStage({ name: "org.example.loudness" }, worker.options);
  const job = await world.index(uri);
  assert.equal(job.sidecarRevision, 3);
  const third = (await world.sidecar(asset)) as Sidecar & { colour?: string; asset: { shelf?: number } };
  assert.deepEqual([third.colour, third.asset.shelf], ["blue", 7]);
  assert.deepEqual(
    third.layers.map(({ kind, run }) => [kind, run]),
    [
      ["transcript", "run_made.listen"],
      ["org.example.loudness", "run_org.example.loudness"],
      ["org.example.edit", "run_person"],
    ],
  );
  assert.deepEqual(third.layers.at(-1), foreign);
  assert.equal(third.runs.find(({ stage }) => stage === "made.listen")?.behaviour, 2);
  assert.ok(await world.ports.blobs.getNamed(TENANT, sidecarName(asset, 1)), "earlier revisions stay");
  await stop();
});

test("a layer that refers to what is not there ends the job with the place, and other assets go on", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(
    manifest("made.scenes", { inputs: [source], outputs: [port("out", { schema: "heimdex.layer.scenes" })] }),
  );
  const scenes = (shots: string[]) =>
    json("out", {
      kind: "scenes",
      version: 1,
      items: shots.map((shot, at) => ({ id: `s${at}`, start_ms: at, end_ms: at + 1, shots: [shot] })),
    });
  const bad = await world.create(await world.file("a.bin", "a"));
  await worker.complete(await worker.lease(), [scenes(["shot_of_nobody"])]);
  const ended = await world.settled(bad);
  assert.equal(ended.state, "FAILED");
  assert.match(ended.reason, /^SIDECAR_INVALID: .*\/layers\/0\/items\/0\/shots\/0: there is no shot_of_nobody/);
  const fine = await world.create(await world.file("b.bin", "b"));
  await worker.complete(await worker.lease(), [scenes([])]);
  assert.equal((await world.settled(fine)).state, "SUCCEEDED");
});

test("jobs of one asset that settle together make one revision after the other", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  const uris = await Promise.all(Array.from({ length: 6 }, (_, index) => world.file(`copy ${index}.json`, film())));
  const jobs = await Promise.all(uris.map((uri) => world.index(uri)));
  assert.deepEqual(new Set(jobs.map(({ state }) => state)), new Set(["SUCCEEDED"]));
  const asset = jobs[0]?.asset as string;
  const { sources, sidecarRevision } = await world.asset(asset);
  assert.equal(sources.length, 6);
  assert.deepEqual(
    (await world.sidecar(asset)).asset.sources.map(({ uri }) => uri),
    uris.sort(),
  );
  const names = await world.ports.blobs.listNamed(TENANT, `sidecars/${asset}/`, undefined, 100);
  assert.equal(names.length, sidecarRevision);
});
