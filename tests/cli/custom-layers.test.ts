import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ffmpeg, folder, heimdex, host, json } from "./heimdex.fixture.ts";
import { errorShape, indexShape, rerunShape, searchShape } from "./shapes.fixture.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Examples of stages: black, bars and tone as a facet; loudness as a number. */
const WORKERS = ["examples/stages/typescript/worker.ts", "packages/stage-sdk/src/example/loudness.ts"];

function work(t: TestContext, file: string, orchestrator: string, scratch: string): ChildProcess {
  const env = {
    ...process.env,
    HEIMDEX_ORCHESTRATOR: orchestrator,
    HEIMDEX_SCRATCH: scratch,
    HEIMDEX_LOG_LEVEL: "warn",
  };
  const child = spawn(process.execPath, [join(root, file)], { env, stdio: ["ignore", "ignore", "inherit"] });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  });
  return child;
}

test("what stages of one's own found is searched and filtered; films from before are stale until they are run again", async (t) => {
  const data = await folder(t);
  const at = (...args: string[]) => ["--data", join(data, "archive"), ...args];
  const film = join(data, "reel.mp4");
  // Ten seconds of bars with a loud tone, ten of a plain grey without a sound.
  await ffmpeg(
    ...["-f", "lavfi", "-i", "smptebars=size=320x240:rate=25:duration=10"],
    ...["-f", "lavfi", "-i", "color=gray:size=320x240:rate=25:duration=10"],
    ...["-f", "lavfi", "-i", "sine=frequency=1000:duration=10", "-f", "lavfi", "-i", "anullsrc=r=44100:cl=mono"],
    ...[
      "-filter_complex",
      "[0][1]concat=n=2[v];[2]volume=4[loud];[3]atrim=0:10[quiet];[loud][quiet]concat=n=2:v=0:a=1[a]",
    ],
    ...["-map", "[v]", "-map", "[a]", "-pix_fmt", "yuv420p", film],
  );
  const up = await host(t, join(data, "archive"));
  const ready = await up.line(/^ready after/);
  const before = indexShape.parse((await json(t, ...at("index", film))).document);
  const asset = before.assets[0]?.asset ?? "";
  assert.notEqual(asset, "");
  const refused = await json(t, ...at("search", "--where", "mark=bars"));
  assert.match(errorShape.parse(refused.document).error.message, /there is none: no stage's layer marks a field/);

  const orchestrator = /workers (\S+),/.exec(ready)?.[1] ?? "";
  for (const file of WORKERS) work(t, file, orchestrator, join(data, "scratch"));
  const stale = async () => {
    const { document } = await json(t, ...at("assets", "ls"));
    return (document as { assets: { stale: boolean }[] }).assets[0]?.stale;
  };
  const names = async () => {
    const { stages } = (await json(t, ...at("stages"))).document as { stages: { stage: string; workers: number }[] };
    return stages.filter(({ workers }) => workers > 0).map(({ stage }) => stage);
  };
  let known: string[] = [];
  const mine = ["org.example.leader", "org.example.loudness"];
  for (let looks = 0; !mine.every((name) => known.includes(name)); looks++) {
    assert.ok(looks < 100, "the workers register");
    known = await names();
  }

  await t.test("a dry run says what would be run and why; the film is stale", async () => {
    assert.equal(await stale(), true);
    const { document } = await json(t, ...at("rerun", "--dry-run"));
    const dry = rerunShape.parse(document);
    assert.deepEqual([dry.reruns, dry.up_to_date], [1, 0]);
    for (const name of mine) {
      const forecast = dry.stages.find(({ stage }) => stage === name);
      assert.deepEqual(forecast?.causes, [{ why: "it has not run on this asset before", assets: 1 }], name);
    }
    assert.equal(dry.stages.find(({ stage }) => stage === "media.analyze")?.cached, 1);
    const text = await heimdex(t, ...at("rerun", "--dry-run"));
    assert.match(text.stdout, /org\.example\.leader +1 to run .*nobody has timed it yet/);
    assert.match(text.stdout, /1 asset to work on, 0 up to date/);
    assert.match((await heimdex(t, ...at("status"))).stdout, /1 stale/);
  });

  await t.test("rerun brings it up to date", async () => {
    const { code, document } = await json(t, ...at("rerun"));
    assert.equal(code, 0);
    assert.deepEqual(rerunShape.parse(document).failed, []);
    assert.equal(await stale(), false);
    const again = await heimdex(t, ...at("rerun"));
    assert.match(again.stdout, /nothing to do: 1 asset up to date/);
  });

  await t.test("facets and numbers are filters, text is found", async () => {
    const search = async (...args: string[]) =>
      searchShape.parse((await json(t, ...at("search", ...args))).document).results;
    const bars = await search("--where", "org.example.leader.mark=bars");
    assert.ok(bars.length > 0 && bars.every(({ source, start_ms }) => source === film && start_ms < 10_000));
    assert.deepEqual(bars[0]?.why.at(-1)?.matched, ["org.example.leader.mark=bars"]);
    const all = searchShape.parse((await json(t, ...at("search", "--asset", film))).document);
    assert.ok(
      all.facets.some(
        ({ field, value, moments }) => field.endsWith(".mark") && value === "bars" && moments >= bars.length,
      ),
    );
    const loud = await search("--where", "lufs>=-30");
    assert.ok(loud.length > 0 && loud.every(({ start_ms }) => start_ms < 10_000));
    assert.deepEqual(await search("--where", "lufs>=-30", "--from", "12"), []);
    const both = await search("colour", "bars", "--channel", "custom", "--where", "lufs>=-30");
    assert.equal(both[0]?.asset, asset);
    assert.deepEqual(
      both[0]?.why.map(({ channel }) => channel),
      ["custom", "where"],
    );
    assert.deepEqual(await search("colour", "bars", "--channel", "custom", "--where", "mark=slate"), []);
    const unknown = errorShape.parse((await json(t, ...at("search", "bars", "--where", "loudness=3"))).document).error;
    assert.match(
      unknown.message,
      /names no field to filter by: loudness; there are .*org\.example\.leader\.mark \(facet\), org\.example\.loudness\.lufs \(number\)/,
    );
    const listed = await heimdex(t, ...at("search", "--where", "mark=bars"));
    assert.match(listed.stdout, /org\.example\.leader\.mark=bars/);
  });

  await t.test("a stage is run again when asked to, and its layer stays as it is", async () => {
    const usage = await heimdex(t, ...at("rerun", "--stage", "org.example.leader"));
    assert.equal(usage.code, 2);
    const { code, document } = await json(t, ...at("rerun", "--stage", "org.example.leader", "--asset", film));
    assert.equal(code, 0);
    const done = rerunShape.parse(document);
    assert.deepEqual([done.assets, done.reruns], [1, 1]);
    const { jobs } = (await json(t, ...at("jobs", "--limit", "1"))).document as {
      jobs: { sidecar_revision: number; steps: { stage: string; state: string; cause: string }[] }[];
    };
    const ran = jobs[0]?.steps.filter(({ state }) => state === "OK" || state === "EMPTY");
    assert.deepEqual(
      ran?.map(({ stage, cause }) => [stage, cause]),
      [["org.example.leader", "it was asked for, whatever is known"]],
    );
    assert.equal(jobs[0]?.sidecar_revision, 2);
  });
});
