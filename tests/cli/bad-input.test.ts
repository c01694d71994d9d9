import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, folder, heimdex, host, json } from "./heimdex.fixture.ts";
import { type IndexDocument, indexShape, searchShape } from "./shapes.fixture.ts";

const picture = (extra = "") => ["-f", "lavfi", "-i", `testsrc2=size=320x180:rate=12:duration=2${extra}`];
const tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"];
const SPEECH = "flite=text='heavy rain and strong wind are expected tonight':voice=rms";

/** One file of each kind. Each is different, so that none is taken for another's copy. */
async function makeFiles(films: string): Promise<void> {
  const at = (name: string) => join(films, name);
  await writeFile(at("text.mp4"), "this is not a film\n".repeat(40));
  await writeFile(at("zero.mp4"), "");
  await writeFile(at("playlist.m3u8"), "#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/segment.ts\n#EXT-X-ENDLIST\n");
  await writeFile(at("concat.mp4"), `ffconcat version 1.0\nfile '${at("whole.mp4")}'\n`);
  await ffmpeg(...picture(), ...tone, "-movflags", "+faststart", at("whole.mp4"));
  await copyFile(at("whole.mp4"), at("copy of whole.mp4"));
  await ffmpeg(...picture(",hue=h=20"), ...tone, "-movflags", "+faststart", "-g", "6", at("cut.mp4"));
  await truncate(at("cut.mp4"), Math.floor((await readFile(at("cut.mp4"))).length * 0.6));
  await ffmpeg("-f", "lavfi", "-i", SPEECH, at("sound only.wav"));
  await ffmpeg(...picture(",hue=h=40"), at("picture only.mp4"));
  await ffmpeg(...picture(",hue=h=60"), "-frames:v", "1", at("one frame.mp4"));
  await ffmpeg(
    ...picture(",hue=h=80"),
    "-c:v",
    "libx265",
    "-pix_fmt",
    "yuv420p10le",
    "-x265-params",
    "log-level=none",
    at("ten bit.mkv"),
  );
  await ffmpeg(...picture(",select='not(mod(n\\,3))+lt(n\\,8)'"), "-fps_mode", "vfr", at("variable rate.mp4"));
  await ffmpeg(...picture(",hue=h=100"), "-metadata:s:v:0", "rotate=90", at("rotated.mov"));
  await ffmpeg("-f", "lavfi", "-i", "testsrc2=size=321x179:rate=12:duration=2", "-c:v", "ffv1", at("odd size.mkv"));
  await ffmpeg(...picture(",hue=h=140"), at("Über die Brücke 橋 \n zweite Zeile.mp4"));
  await ffmpeg(...picture(",hue=h=160"), at("unreadable.mp4"));
  await chmod(at("unreadable.mp4"), 0);
  await writeFile(at("notes.txt"), "not taken from folders");
}

test("bad input: each file is told apart, and none stops the others", async (t) => {
  const root = await folder(t);
  const films = join(root, "films");
  await mkdir(films);
  await makeFiles(films);
  await mkdir(join(root, "empty"));
  const data = join(root, "archive");
  await host(t, data);
  const { code, document, stderr } = await json(
    t,
    "--data",
    data,
    "index",
    films,
    join(root, "missing.mp4"),
    join(root, "empty"),
  );
  const { assets } = indexShape.parse(document);
  assert.equal(code, 1, stderr);

  const entry = (name: string) => {
    const found = assets.find(({ source }) => source === join(films, name) || source === join(root, name));
    assert.ok(found, `no entry for ${name}`);
    return found;
  };
  const expected: [name: string, state: string, reason: RegExp][] = [
    ["text.mp4", "FAILED", /^NOT_MEDIA: .*\[media\.probe\]/],
    ["zero.mp4", "FAILED", /^EMPTY_FILE: .*\[media\.probe\]/],
    ["concat.mp4", "FAILED", /\[media\.probe\]/],
    ["cut.mp4", "PARTIAL", /^[A-Z_]+: .*\[media\./],
    ["whole.mp4", "SUCCEEDED", /^$/],
    ["copy of whole.mp4", "SUCCEEDED", /^$/],
    ["sound only.wav", "SUCCEEDED", /^$/],
    ["picture only.mp4", "SUCCEEDED", /^$/],
    ["one frame.mp4", "SUCCEEDED", /^$/],
    ["ten bit.mkv", "SUCCEEDED", /^$/],
    ["variable rate.mp4", "SUCCEEDED", /^$/],
    ["rotated.mov", "SUCCEEDED", /^$/],
    ["odd size.mkv", "SUCCEEDED", /^$/],
    ["Über die Brücke 橋 \n zweite Zeile.mp4", "SUCCEEDED", /^$/],
    // Who is root may read everything.
    [
      "unreadable.mp4",
      process.getuid?.() === 0 ? "SUCCEEDED" : "FAILED",
      process.getuid?.() === 0 ? /^$/ : /^SOURCE_UNREADABLE/,
    ],
    ["missing.mp4", "FAILED", /^SOURCE_NOT_FOUND: .*missing\.mp4/],
    ["empty", "FAILED", /^SOURCE_EMPTY: .*empty/],
  ];
  for (const [name, state, reason] of expected) {
    await t.test(`${JSON.stringify(name)} ends ${state}`, () => {
      const asset = entry(name);
      assert.equal(asset.state, state, JSON.stringify(asset));
      assert.match(asset.reason, reason);
    });
  }
  await t.test(
    "text files and playlists are not taken from folders, and a playlist that is named is refused",
    async () => {
      assert.equal(assets.length, expected.length);
      const named = indexShape.parse((await json(t, "--data", data, "index", join(films, "playlist.m3u8"))).document)
        .assets[0];
      assert.equal(named?.state, "FAILED");
      assert.match(named?.reason ?? "", /\[media\.probe\]/);
    },
  );
  await t.test("two copies of one file are one asset with two sources", async () => {
    const { asset } = entry("whole.mp4");
    assert.equal(entry("copy of whole.mp4").asset, asset);
    const list = (await json(t, "--data", data, "assets")).document as {
      assets: { asset: string; sources: unknown[] }[];
    };
    assert.equal(list.assets.find((listed) => listed.asset === asset)?.sources.length, 2);
  });
  await t.test("sound only: visual stages are skipped with a reason, and what is said is found", async () => {
    const { stages } = entry("sound only.wav");
    const skipped = stages.filter(({ state }) => state === "SKIPPED").map(({ stage }) => stage);
    assert.ok(skipped.includes("vision.text"), JSON.stringify(stages));
    assert.ok(stages.every(({ state, reason }) => state !== "SKIPPED" || reason !== ""));
    const { results } = searchShape.parse(
      (await json(t, "--data", data, "search", "heavy rain and strong wind")).document,
    );
    assert.equal(results[0]?.source, join(films, "sound only.wav"));
  });
  await t.test("people read what happened and what to do", async () => {
    const { code: failed, stdout } = await heimdex(
      t,
      "--data",
      data,
      "index",
      join(films, "text.mp4"),
      join(root, "missing.mp4"),
    );
    assert.equal(failed, 1);
    assert.match(stdout, /FAILED .*text\.mp4[\s\S]*media\.probe FAILED {2}NOT_MEDIA[\s\S]*next: /);
    assert.match(stdout, /FAILED .*missing\.mp4[\s\S]*SOURCE_NOT_FOUND[\s\S]*next: /);
    assert.match(stdout, /2 files: 2 FAILED/);
  });
  await t.test("a stage is named for every failure", () => checkReasons(assets));
});

function checkReasons(assets: IndexDocument["assets"]): void {
  for (const asset of assets) {
    const failed = asset.stages.filter(({ state }) => state === "FAILED");
    for (const { reason } of failed) assert.match(reason, /^[A-Z][A-Z0-9_]*: .+/);
    if (asset.state === "FAILED") assert.match(asset.reason, /^[A-Z][A-Z0-9_]*: .+/);
  }
}
