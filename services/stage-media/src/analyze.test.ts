import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { MediaError, probe } from "@heimdex/media";
import { stageLayer } from "@heimdex/sidecar";
import sharp from "sharp";
import { type Analysis, type AnalyzeOptions, analyze } from "./analyze.ts";

const run = promisify(execFile);
let folder: string;
let count = 0;
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p"];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-analyze-"));
});
after(() => rm(folder, { recursive: true }));

async function make(name: string, ...args: string[]): Promise<string> {
  await run("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args, `file:${join(folder, name)}`]);
  return join(folder, name);
}

/** Places that look nothing like each other, one after the other; each moves a little. */
function places(size: string, rate: string, ...seconds: number[]): string[] {
  const looks = ["testsrc2", "smptehdbars", "mandelbrot", "rgbtestsrc", "testsrc", "yuvtestsrc"];
  const parts = seconds.map(
    (_, n) => `${looks[n % looks.length]}=s=${size}:r=${rate},format=yuv420p,setsar=1,trim=0:${seconds[n]}[p${n}]`,
  );
  const joined = `${seconds.map((_, n) => `[p${n}]`).join("")}concat=n=${seconds.length}`;
  return ["-filter_complex", `${parts.join(";")};${joined}[v]`, "-map", "[v]"];
}

async function analyzed(file: string, options: Partial<AnalyzeOptions> = {}): Promise<Analysis & { scratch: string }> {
  const scratch = join(folder, `scratch '%d' ${count++}`);
  await mkdir(scratch);
  const media = await probe(file);
  const found = await analyze(file, { media, asset: "asset", scratch, ...options });
  stageLayer.shots.parse({ kind: "shots", version: 1, items: found.shots });
  stageLayer.keyframes.parse({ kind: "keyframes", version: 1, items: found.keyframes });
  // What holds for every result: shots tile, every picture is there under its digest, and nothing else is left behind.
  for (const [n, shot] of found.shots.entries()) {
    assert.ok(shot.end_ms >= shot.start_ms && (shot.end_pts ?? 0) > (shot.start_pts ?? 0));
    if (n > 0)
      assert.deepEqual([shot.start_pts, shot.start_ms], [found.shots[n - 1]?.end_pts, found.shots[n - 1]?.end_ms]);
  }
  const digests = await Promise.all(
    found.images.map(async (image) =>
      createHash("sha256")
        .update(await readFile(image))
        .digest("hex"),
    ),
  );
  assert.deepEqual(new Set(found.keyframes.map(({ image }) => image.sha256)), new Set(digests));
  const stills = (await readdir(scratch)).filter((name) => name.endsWith(".jpg"));
  assert.ok(stills.length <= found.keyframes.length, "stills that were not chosen are removed");
  return { ...found, scratch };
}

const starts = ({ shots }: Analysis) => shots.map(({ start_ms }) => start_ms);

test("cuts are found at the exact frame, each shot has a picture of itself", async () => {
  const file = await make("cuts.mp4", ...places("320x180", "25", 2, 1.2, 0.8, 3), ...H264);
  const found = await analyzed(file);
  assert.deepEqual(starts(found), [0, 2000, 3200, 4000]);
  assert.equal(found.shots.at(-1)?.end_ms, 7000);
  assert.deepEqual(
    found.shots.map(({ start_pts }) => start_pts),
    [0, 25600, 40960, 51200],
  );
  assert.deepEqual(found.shots[0]?.time_base, { num: 1, den: 12800 });
  assert.deepEqual(
    found.keyframes.map(({ shot }) => shot),
    found.shots.map(({ id }) => id),
  );
  for (const [n, { at_ms }] of found.keyframes.entries()) {
    const shot = found.shots[n];
    assert.ok(Number(at_ms) >= (shot?.start_ms ?? 0) && Number(at_ms) < (shot?.end_ms ?? 0));
  }
  assert.equal(found.audio, undefined);
  assert.ok(found.poster);
  assert.equal(found.partial, undefined);
});

test("variable frame rate: cuts keep their timestamps", async () => {
  const [, graph = "", ...rest] = places("320x180", "30", 2, 2, 2);
  const uneven = graph.replace("[v]", ",select='not(between(n,20,70)*mod(n,3))'[v]");
  const file = await make("vfr.mkv", "-filter_complex", uneven, ...rest, "-vsync", "passthrough", ...H264);
  const found = await analyzed(file);
  // The first frame kept at or after 2 s is number 60.
  assert.deepEqual(starts(found), [0, 2000, 4000]);
});

test("start offset: the timeline's 0 is the container's first timestamp, PTS stay the stream's own", async () => {
  const file = await make(
    "offset.ts",
    ...places("320x180", "25", 2, 2),
    ...H264,
    "-output_ts_offset",
    "3600",
    "-muxdelay",
    "0",
  );
  const found = await analyzed(file);
  assert.deepEqual(starts(found), [0, 2000]);
  assert.equal(found.shots[1]?.start_pts, (found.shots[0]?.start_pts ?? 0) + 2 * 90_000);
  assert.ok((found.shots[0]?.start_pts ?? 0) >= 3600 * 90_000);
});

test("NTSC rates: ms are rounded, PTS exact", async () => {
  const found = await analyzed(await make("ntsc.mov", ...places("320x180", "30000/1001", 1.001, 2.002), ...H264));
  assert.deepEqual(starts(found), [0, 1001]);
  assert.deepEqual(
    found.shots.map(({ start_pts, end_pts }) => [start_pts, end_pts]),
    [
      [0, 30030],
      [30030, 90090],
    ],
  );
});

test("a clip without a cut is one shot with a picture for each stretch of time", async () => {
  const source = ["-f", "lavfi", "-i", "smptehdbars=s=160x90:r=10:d=35"];
  const found = await analyzed(await make("long.mp4", ...source, ...H264));
  assert.deepEqual(starts(found), [0]);
  assert.equal(found.keyframes.length, 4);
  assert.equal(found.keyframes[0]?.start_ms, 0);
  assert.equal(found.keyframes.at(-1)?.end_ms, 35_000);
  const few = await analyzed(join(folder, "long.mp4"), { maxKeyframes: 2 });
  assert.ok(few.keyframes.length <= 2 && few.keyframes.length > 0);
});

test("what comes into a picture gets a still of its own, and the empty place behind it none", async () => {
  const walk = "[0][1]overlay=x='if(between(t,4.5,8.5),(t-5)*100,-200)':y=40:shortest=1,format=yuv420p[v]";
  const room = ["-f", "lavfi", "-i", "smptehdbars=s=320x180:r=10:d=10"];
  const guest = ["-f", "lavfi", "-i", "color=white:s=70x100:r=10:d=10"];
  const file = await make("visit.mp4", ...room, ...guest, "-filter_complex", walk, "-map", "[v]", ...H264);
  const found = await analyzed(file);
  assert.deepEqual(starts(found), [0]);
  const times = found.keyframes.map(({ at_ms }) => Number(at_ms));
  assert.equal(times.length, 2, String(times));
  assert.ok(Number(times[0]) < 5000 && Number(times[1]) >= 4500 && Number(times[1]) < 8500, String(times));
});

test("a picture that never rests gets no more than a still each four seconds", async () => {
  const source = "testsrc2=s=160x90:r=10:d=30";
  const found = await analyzed(await make("restless.mp4", "-f", "lavfi", "-i", source, ...H264));
  assert.ok(found.keyframes.length >= 3 && found.keyframes.length <= 9, String(found.keyframes.length));
});

test("flashes do not cut; a fade through black cuts in its middle; a dissolve cuts where the new picture wins", async () => {
  const flash =
    "testsrc2=s=320x180:r=25:d=4,format=yuv420p,lutyuv=y='min(255,val+130)':enable='between(t,1,1.05)+between(t,2.5,2.7)'";
  assert.deepEqual(starts(await analyzed(await make("flash.mp4", "-f", "lavfi", "-i", flash, ...H264))), [0]);
  const still = (look: string) => `${look}=s=320x180:r=25:d=4,format=yuv420p,setsar=1`;
  const fade = `${still("testsrc2")},fade=out:st=3:d=0.8[a];${still("smptehdbars")},fade=in:st=0.2:d=0.8[b];[a][b]concat[v]`;
  const faded = starts(await analyzed(await make("fade.mp4", "-filter_complex", fade, "-map", "[v]", ...H264)));
  assert.equal(faded.length, 2);
  assert.ok(Math.abs((faded[1] ?? 0) - 4000) <= 160, String(faded));
  const mix = `${still("testsrc")}[a];${still("smptehdbars")}[b];[a][b]xfade=fade:duration=1:offset=3[v]`;
  const mixed = starts(await analyzed(await make("dissolve.mp4", "-filter_complex", mix, "-map", "[v]", ...H264)));
  assert.equal(mixed.length, 2);
  assert.ok(Math.abs((mixed[1] ?? 0) - 3500) <= 160, String(mixed));
});

test("black first frames become neither keyframe nor poster", async () => {
  for (const seconds of [0.08, 1.5]) {
    const graph = `color=black:s=320x180:r=25:d=${seconds},format=yuv420p,setsar=1[a];testsrc2=s=320x180:r=25:d=3,format=yuv420p,setsar=1[b];[a][b]concat[v]`;
    const found = await analyzed(await make("black.mp4", "-filter_complex", graph, "-map", "[v]", ...H264));
    assert.ok(found.keyframes.length > 0);
    assert.ok(
      found.keyframes.every(({ luma }) => (luma ?? 0) > 60),
      `${seconds} s of black`,
    );
    assert.ok(found.poster);
  }
  const all = await analyzed(await make("night.mp4", "-f", "lavfi", "-i", "color=black:s=320x180:r=25:d=2", ...H264));
  assert.deepEqual([all.shots.length, all.keyframes.length, all.poster], [1, 1, undefined]);
});

test("the sharp picture is chosen over the blurred one", async () => {
  const source = "smptehdbars=s=640x360:r=25:d=6,format=yuv420p,gblur=sigma=2:enable='not(between(t,3.5,4.5))'";
  const found = await analyzed(await make("focus.mp4", "-f", "lavfi", "-i", source, ...H264));
  const at = Number(found.keyframes[0]?.at_ms);
  assert.ok(found.keyframes.length === 1 && at >= 3500 && at <= 4500, `chosen at ${at} ms`);
});

test("pictures are upright, with square pixels, at most as large as asked", async () => {
  const flat = await make("flat.mp4", "-f", "lavfi", "-i", "rgbtestsrc=s=640x360:r=25:d=1", ...H264);
  const bytes = await readFile(flat);
  const matrix = bytes.indexOf("tkhd", 0, "latin1") + 44;
  for (const [at, value] of [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000].entries())
    bytes.writeInt32BE(value, matrix + 4 * at);
  await writeFile(join(folder, "phone.mp4"), bytes);
  const phone = await analyzed(join(folder, "phone.mp4"), { stillSide: 320 });
  const { width, height } = await sharp(phone.images[0]).metadata();
  assert.deepEqual([width, height], [180, 320]);
  assert.deepEqual([phone.keyframes[0]?.width, phone.keyframes[0]?.height], [180, 320]);
  // rgbtestsrc has its red stripe on top, bright at its right end: turned clockwise, that is the lower right corner.
  const { data } = await sharp(phone.images[0])
    .extract({ left: 170, top: 310, width: 4, height: 4 })
    .raw()
    .toBuffer({ resolveWithObject: true });
  assert.ok((data[0] ?? 0) > 180 && (data[1] ?? 0) < 80 && (data[2] ?? 0) < 80);

  const wide = await analyzed(
    await make("wide.mkv", "-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=1,setsar=64/45", ...H264),
  );
  assert.deepEqual([wide.keyframes[0]?.width, wide.keyframes[0]?.height], [1024, 576]);
});

test("odd sizes, 10 bits, interlaced, other codecs", async () => {
  const encoders = (await run("ffmpeg", ["-v", "error", "-encoders"])).stdout;
  const kinds: [string, string[]][] = [
    ["odd.mkv", ["-vf", "scale=321:181,format=yuv444p", "-c:v", "ffv1"]],
    ["tiny.mkv", ["-vf", "scale=15:9,format=yuv444p", "-c:v", "ffv1"]],
    ["deep.mkv", ["-vf", "format=yuv422p10", "-c:v", "ffv1"]],
    [
      "fields.mpg",
      ["-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "3"],
    ],
    ["moving.gif", []],
  ];
  if (encoders.includes("libx265"))
    kinds.push([
      "hevc.mp4",
      ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1", "-pix_fmt", "yuv420p10le"],
    ]);
  const source = await make("any.mkv", ...places("320x180", "50", 1.2, 1.2), "-c:v", "ffv1");
  for (const [name, args] of kinds) {
    const found = await analyzed(await make(name, "-i", source, ...args));
    assert.deepEqual(starts(found), [0, 1200], name);
    assert.equal(found.keyframes.length, 2, name);
  }
});

test("one frame is one shot", async () => {
  for (const name of ["one.mp4", "one.mkv"]) {
    const found = await analyzed(
      await make(name, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-frames:v", "1", ...H264),
    );
    assert.deepEqual([found.shots.length, found.keyframes.length], [1, 1]);
    assert.deepEqual([found.shots[0]?.start_ms, found.shots[0]?.end_ms], [0, 40]);
  }
});

/** Samples of a WAV file as it comes out of the analysis. */
async function samples(file: string | undefined): Promise<Int16Array> {
  const bytes = await readFile(file ?? "");
  assert.deepEqual(
    [bytes.readUInt16LE(22), bytes.readUInt32LE(24), bytes.readUInt16LE(34)],
    [1, 16_000, 16],
    "mono, 16 kHz, 16 bits",
  );
  const data = bytes.indexOf("data", 0, "latin1") + 8;
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset + data, bytes.byteOffset + bytes.length));
}
const loud = (values: Int16Array, fromMs: number, toMs: number) =>
  values.subarray(fromMs * 16, toMs * 16).some((value) => Math.abs(value) > 1000);

test("sound only: empty layers, 16 kHz mono", async () => {
  const found = await analyzed(await make("tone.flac", "-f", "lavfi", "-i", "sine=440:r=44100:d=2", "-ac", "2"));
  assert.deepEqual([found.shots, found.keyframes, found.images, found.poster], [[], [], [], undefined]);
  assert.ok(Math.abs((await samples(found.audio)).length - 32_000) <= 16);
});

test("sound stays where it belongs: a late start and a gap become silence", async () => {
  const graph =
    "sine=440:r=48000:d=5,volume=8,aselect='gte(t,1)*not(between(t,2,3.5))'[a];testsrc2=s=160x90:r=25:d=5[v]";
  for (const offset of ["0", "20"]) {
    const file = await make(
      "gap.mkv",
      "-filter_complex",
      graph,
      ...["-map", "[v]", "-map", "[a]", "-c:a", "pcm_s16le", "-output_ts_offset", offset],
      ...H264,
    );
    const values = await samples((await analyzed(file)).audio);
    assert.ok(Math.abs(values.length / 16 - 5000) < 60, `${values.length / 16} ms`);
    assert.deepEqual(
      [loud(values, 0, 950), loud(values, 1050, 1950), loud(values, 2080, 3420), loud(values, 3580, 4900)],
      [false, true, false, true],
    );
  }
});

test("a file cut off in the middle: what can be read is read, and it says so", async () => {
  const whole = await make("whole.mp4", ...places("320x180", "25", 2, 2, 2, 2), ...H264, "-movflags", "+faststart");
  for (const [name, args] of [
    ["cut.mp4", ["-movflags", "+faststart"]],
    ["cut.mkv", []],
    ["cut.ts", []],
  ] as const) {
    const file = await make(name, "-i", whole, "-c", "copy", ...args);
    await truncate(file, Math.floor((await readFile(file)).length * 0.6) + 1);
    const found = await analyzed(file);
    assert.match(found.partial ?? "", /^TRUNCATED: /, name);
    assert.deepEqual(starts(found).slice(0, 2), [0, 2000], name);
    assert.ok((found.shots.at(-1)?.end_ms ?? 0) < 7_900, name);
  }
});

test("an abort ends ffmpeg, a limit has its reason, progress moves", async () => {
  const file = await make("work.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=8", ...H264);
  const stop = new AbortController();
  await assert.rejects(
    analyzed(file, { signal: stop.signal, onProgress: () => stop.abort(new Error("stopped by the test")) }),
    /stopped by the test/,
  );
  await assert.rejects(
    analyzed(file, { limits: { wallMs: 1 } }),
    (error: MediaError) => error instanceof MediaError && error.reason === "TIME_LIMIT",
  );
  const done: number[] = [];
  await analyzed(file, { onProgress: (ms) => done.push(ms) });
  assert.ok(done.length > 0 && done.every((ms) => ms >= 0 && ms <= 8000));
  assert.deepEqual(
    done,
    done.toSorted((a, b) => a - b),
  );
});
