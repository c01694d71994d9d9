import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { stageLayer } from "@heimdex/sidecar";
import { type InputArtifact, StageFailure } from "@heimdex/stage-sdk";
import { analyzeStage, probeStage, scenesStage } from "./index.ts";

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "heimdex-stages-"));
after(() => rm(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

/** What a worker gives a stage, with a file or a value behind it. */
function artifact<T>(what: { file: string } | { value: T }): InputArtifact<T> {
  const bytes = async () => ("file" in what ? readFile(what.file) : Buffer.from(JSON.stringify(what.value)));
  const location = "file" in what ? what.file : "";
  return {
    ...{ sha256: "", size: 0, mediaType: "", path: location, url: location, location },
    read: bytes,
    file: async () => location,
    json: async () => ("value" in what ? what.value : (JSON.parse((await bytes()).toString()) as T)),
  };
}

const CONFIG = { keyframe_seconds: 10, keyframe_side: 1280, max_keyframes: 2000 };

function context<I, C = Record<string, never>>(inputs: I, config: C = {} as C) {
  const said = { partial: [] as string[], cpuMs: 0, progress: 0 };
  return {
    said,
    ...{ inputs, asset: "asset", sourceName: "film.mp4", scratch: folder, attempt: 1 },
    signal: new AbortController().signal,
    config,
    progress: () => void said.progress++,
    partial: (reason: string) => void said.partial.push(reason),
    cpu: (ms: number) => {
      said.cpuMs += ms;
    },
    log: () => {},
    span: <R>(_name: string, _attributes: object, work: () => Promise<R>) => work(),
  };
}

test("probe, analyze and scenes hand on to each other", async () => {
  const looks = ["testsrc2", "smptehdbars", "testsrc2"].map(
    (look, n) => `${look}=s=320x180:r=25,format=yuv420p,setsar=1,trim=0:2[p${n}]`,
  );
  const graph = `${looks.join(";")};[p0][p1][p2]concat=n=3[v];sine=440:d=6[a]`;
  await run("ffmpeg", [
    "-v",
    "error",
    "-y",
    "-filter_complex",
    graph,
    "-map",
    "[v]",
    "-map",
    "[a]",
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-movflags",
    "+faststart",
    path("film.mp4"),
  ]);
  const source = artifact<undefined>({ file: path("film.mp4") });
  const probing = context({ source });
  const { media } = await probeStage.run(probing);
  assert.deepEqual(probing.said.partial, []);
  assert.ok(probing.said.cpuMs > 0);

  const analyzing = context({ source, media: artifact({ value: media }) }, CONFIG);
  const found = await analyzeStage.run(analyzing);
  assert.equal(stageLayer.shots.parse(found.shots).items.length, 3);
  assert.equal(stageLayer.keyframes.parse(found.keyframes).items.length, 3);
  assert.ok(found.audio !== undefined && found.poster !== undefined);
  assert.ok(analyzing.said.cpuMs > 0 && analyzing.said.progress > 0);

  const images = await Promise.all(
    found.images.map(async (image) => {
      assert.ok("file" in image);
      const sha256 = createHash("sha256")
        .update(await readFile(image.file))
        .digest("hex");
      return { ...artifact<undefined>({ file: image.file }), sha256 };
    }),
  );
  const layers = { shots: artifact({ value: found.shots }), keyframes: artifact({ value: found.keyframes }) };
  const { scenes } = await scenesStage.run(context({ ...layers, images }));
  assert.deepEqual(
    stageLayer.scenes.parse(scenes).items.map((scene) => scene.shots.length),
    [3],
    "the middle shot is a cutaway",
  );

  await truncate(path("film.mp4"), Math.floor((await readFile(path("film.mp4"))).length * 0.7));
  const cut = context({ source });
  const rest = await probeStage.run(cut);
  assert.match(cut.said.partial[0] ?? "", /^TRUNCATED: /);
  const partial = context({ source, media: artifact({ value: rest.media }) }, CONFIG);
  await analyzeStage.run(partial);
  assert.match(partial.said.partial[0] ?? "", /^TRUNCATED: /);
});

test("scenes of nothing", async () => {
  const none = {
    shots: artifact({ value: { kind: "shots" as const, version: 1 as const, items: [] } }),
    keyframes: artifact({ value: { kind: "keyframes" as const, version: 1 as const, items: [] } }),
  };
  const { scenes } = await scenesStage.run(context({ ...none, images: [] }));
  assert.deepEqual(scenes, { kind: "scenes", version: 1, items: [] });
});

test("bad files are rejected with what to do", async () => {
  await writeFile(path("text.mp4"), "no film\n".repeat(100));
  await writeFile(path("empty.mp4"), "");
  await writeFile(path("list.mp4"), "#EXTM3U\nfilm.mp4\n");
  for (const [name, reason] of [
    ["text.mp4", "NOT_MEDIA"],
    ["empty.mp4", "EMPTY_FILE"],
    ["list.mp4", "REFERENCES_REFUSED"],
  ] as const)
    await assert.rejects(
      probeStage.run(context({ source: artifact<undefined>({ file: path(name) }) })),
      (error: unknown) => {
        assert.ok(error instanceof StageFailure);
        assert.deepEqual([error.kind, error.reason], ["INPUT_REJECTED", reason]);
        assert.notEqual(error.help, "");
        return true;
      },
    );
});

test("without ffmpeg the stages say so before they register", async () => {
  process.env.FFMPEG_PATH = path("absent");
  try {
    const capability = await probeStage.probe?.(new AbortController().signal);
    assert.equal(capability?.available, false);
    assert.match(capability?.available === false ? capability.reason : "", /^NO_FFMPEG/);
  } finally {
    delete process.env.FFMPEG_PATH;
  }
  assert.deepEqual(await probeStage.probe?.(new AbortController().signal), { available: true });
});
