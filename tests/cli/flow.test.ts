import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folder, heimdex, host, json } from "./heimdex.fixture.ts";
import { demoShape, errorShape, indexShape, planShape, searchShape, traceShape } from "./shapes.fixture.ts";

test("the demo answers its questions, is cached the second time, and its archive serves every command", async (t) => {
  const data = join(await folder(t), "archive");
  const at = (...args: string[]) => ["--data", data, ...args];

  const first = await json(t, ...at("demo"));
  const made = demoShape.parse(first.document);
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(
    made.questions.map(({ kind, right }) => [kind, right]),
    [
      ["said", true],
      ["written", true],
      ["meant", true],
      ["seen", true],
      ["alike", true],
    ],
  );
  for (const { kind, words_alone } of made.questions)
    if (kind === "meant" || kind === "seen") assert.equal(words_alone, 0, kind);
  assert.ok(made.seen.things.includes("person"), made.seen.things.join());
  assert.ok(made.seen.faces > made.seen.face_groups && made.seen.face_groups > 1, "one man is shown twice, others too");
  const silent = made.assets.find(({ source }) => source.endsWith("silent-walk.mp4"));
  assert.deepEqual(
    silent?.stages
      .filter(({ state }) => state === "SKIPPED")
      .map(({ stage }) => stage)
      .sort(),
    ["asr.transcribe", "vision.describe"],
  );
  const sidecar = JSON.parse(await readFile(made.sidecar, "utf8"));
  assert.equal(sidecar.schema, "https://heimdex.dev/schemas/sidecar");

  await host(t, data);

  await t.test("a second demo uses the running host, and all is cached", async () => {
    const { code, stdout, stderr } = await heimdex(t, ...at("demo"));
    assert.equal(code, 0, stderr);
    assert.equal(stdout.match(/all cached/g)?.length, 5, stdout);
    assert.match(stdout, /All five answers are right/);
    assert.match(stdout, /media\.analyze|job evening-news/);
  });

  const clip = join(data, "footage", "evening-news.mp4");

  await t.test("index: one entry per file, in the documented shape", async () => {
    const { code, document } = await json(t, ...at("index", join(data, "footage")));
    const { assets } = indexShape.parse(document);
    assert.equal(code, 0);
    assert.deepEqual(
      assets.map(({ source, state }) => [source.slice(data.length), state]),
      ["evening-news", "ferry", "one-take", "people", "silent-walk"].map((name) => [
        `/footage/${name}.mp4`,
        "SUCCEEDED",
      ]),
    );
    assert.ok(assets.every(({ stages }) => stages.every(({ state }) => state === "CACHED" || state === "SKIPPED")));
  });

  await t.test("search: words, filters, and nothing", async () => {
    const found = searchShape.parse((await json(t, ...at("search", "last", "train"))).document);
    assert.equal(found.results[0]?.source, clip);
    assert.deepEqual(found.results[0]?.why[0]?.channel, "spoken");
    assert.equal(found.degraded, false);
    const early = searchShape.parse(
      (await json(t, ...at("search", "train", "--asset", clip, "--to", "0:05", "--channel", "spoken"))).document,
    );
    assert.deepEqual(early.results, []);
    const nothing = await heimdex(t, ...at("search", "purple submarine accountants"));
    assert.equal(nothing.code, 0);
    assert.match(nothing.stdout, /Nothing matches/);
  });

  await t.test("open --print: the player's command line or the address, at the second", async () => {
    await json(t, ...at("search", "last train"));
    const { code, document } = await json(t, ...at("open", "1", "--print"));
    const opened = document as { source: string; start_ms: number; command: string[]; url: string; ran: boolean };
    assert.equal(code, 0);
    assert.deepEqual([opened.source, opened.ran], [clip, false]);
    // Said from 12 s on, in a moment that begins at 10 s.
    assert.ok(opened.start_ms >= 11_500 && opened.start_ms < 13_500, `${opened.start_ms}`);
    assert.ok([...opened.command, opened.url].join(" ").includes(`${opened.start_ms / 1000}`));
    assert.equal((await heimdex(t, ...at("open", "99", "--print"))).code, 2);
  });

  await t.test("sidecar: by path and by id, the stored bytes", async () => {
    const byPath = await heimdex(t, ...at("sidecar", clip));
    const { asset } = JSON.parse(byPath.stdout);
    assert.equal((await heimdex(t, ...at("sidecar", asset.id))).stdout, byPath.stdout);
    const missing = await json(t, ...at("sidecar", "a_0000000000000000"));
    assert.equal(missing.code, 1);
    assert.equal(errorShape.parse(missing.document).error.id, "ASSET_NOT_FOUND");
  });

  await t.test("trace: every process's own spans below one root", async () => {
    const job = made.assets.find(({ source }) => source === clip)?.job ?? "";
    const { spans } = traceShape.parse((await json(t, ...at("trace", job))).document);
    const roots = spans.filter(({ parent_id: parent }) => !spans.some(({ span_id: id }) => id === parent));
    assert.equal(roots.length, 1);
    const services = new Set(spans.map(({ service }) => service));
    for (const service of ["orchestrator", "stage-media", "stage-asr", "stage-vision", "stage-embed"])
      assert.ok(services.has(service), service);
    const drawn = await heimdex(t, ...at("trace", "last"));
    assert.match(drawn.stdout, /orchestrator +\d/);
  });

  await t.test("plan: what is known is cached", async () => {
    const { steps } = planShape.parse((await json(t, ...at("plan", clip))).document);
    assert.ok(steps.length >= 6);
    assert.deepEqual(
      steps.filter(({ action }) => action !== "CACHED").map(({ stage, action }) => [stage, action]),
      [["vision.describe", "SKIPPED"]],
    );
    const missing = await json(t, ...at("plan", join(data, "nothing.mp4")));
    assert.equal(missing.code, 1);
    assert.equal(errorShape.parse(missing.document).error.id, "SOURCE_NOT_FOUND");
  });

  await t.test("reindex: the index comes back from the sidecars alone", async () => {
    const { code, document } = await json(t, ...at("reindex"));
    const { assets, moments, failures } = document as { assets: number; moments: number; failures: string[] };
    assert.deepEqual([code, assets, failures], [0, 5, []]);
    assert.ok(moments >= 5);
    const found = searchShape.parse((await json(t, ...at("search", "north pier"))).document);
    assert.ok(found.results[0]?.source.endsWith("ferry.mp4"));
  });

  await t.test("lists, status, stages, logs", async () => {
    const jobs = (await json(t, ...at("jobs", "ls", "--limit", "3"))).document as {
      jobs: { job: string; state: string }[];
    };
    assert.equal(jobs.jobs.length, 3);
    const status = (await json(t, ...at("status"))).document as {
      assets: number;
      running: boolean;
      active_jobs: number;
    };
    assert.deepEqual([status.assets, status.running, status.active_jobs], [5, true, 0]);
    const stages = (await json(t, ...at("stages"))).document as { stages: { stage: string; workers: number }[] };
    for (const { stage, workers } of stages.stages)
      assert.equal(
        workers,
        stage === "vision.describe" ? 0 : 1,
        `${stage}: the bundled profile has no model for captions`,
      );
    const logs = (await json(t, ...at("logs", "stage-media", "-n", "5"))).document as {
      lines: { log: string; msg: string }[];
    };
    assert.equal(logs.lines.length, 5);
    assert.equal((await heimdex(t, ...at("logs", "stage-nothing"))).code, 1);
    assert.equal((await heimdex(t, ...at("watch"))).code, 0);
  });

  await t.test("assets rm: gone from the archive, not from the disk", async () => {
    assert.equal((await heimdex(t, ...at("assets", "rm", clip))).code, 0);
    const { assets } = (await json(t, ...at("assets"))).document as { assets: { title: string }[] };
    assert.equal(assets.length, 4);
    assert.ok((await readFile(clip)).length > 0);
    const found = searchShape.parse((await json(t, ...at("search", "last train mountains"))).document);
    assert.ok(found.results.every(({ source }) => source !== clip));
  });
});
