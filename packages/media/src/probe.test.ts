import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { media as mediaSchema } from "@heimdex/sidecar";
import { MediaError } from "./media-error.ts";
import { probe } from "./probe.ts";

const run = promisify(execFile);
let folder: string;
/** Three seconds of picture and sound, index first. */
let clip: string;
const path = (name: string) => join(folder, name);

async function make(name: string, ...args: string[]): Promise<string> {
  await run("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args, `file:${path(name)}`]);
  return path(name);
}
const VIDEO = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3"];
const SOUND = ["-f", "lavfi", "-i", "sine=440:d=3"];
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p"];

const rejects = (location: string, reason: string) =>
  assert.rejects(probe(location), (error: unknown) => {
    assert.ok(error instanceof MediaError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.notEqual(error.help, "");
    return true;
  });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-probe-"));
  clip = await make("clip.mp4", ...VIDEO, ...SOUND, ...H264, "-c:a", "aac", "-movflags", "+faststart");
});
after(() => rm(folder, { recursive: true }));

test("facts of a file: streams, lengths, colour, language, chapters, tags", async () => {
  await writeFile(
    path("meta"),
    ";FFMETADATA1\ntitle=Harbour\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=2000\ntitle=Ship\n",
  );
  const file = await make(
    "facts.mkv",
    ...[
      ...VIDEO,
      ...SOUND,
      "-i",
      path("meta"),
      "-map",
      "0",
      "-map",
      "1",
      "-map_metadata",
      "2",
      "-map_chapters",
      "2",
      ...H264,
    ],
    ...["-c:a", "pcm_s16le"],
    ...[
      "-metadata:s:a:0",
      "language=ger",
      "-metadata:s:a:0",
      "title=Kommentar",
      "-metadata",
      "creation_time=2026-05-04T10:22:31Z",
    ],
  );
  const media = mediaSchema.parse(await probe(file));
  assert.equal(media.container, "matroska,webm");
  assert.equal(media.duration_ms, 3000);
  assert.deepEqual(media.chapters, [{ start_ms: 500, end_ms: 2000, title: "Ship" }]);
  assert.equal(media.created_at, "2026-05-04T10:22:31.000Z");
  assert.equal(media.tags?.title, "Harbour");
  assert.equal(media.vfr, false);
  const [video, audio] = media.streams;
  assert.equal(video?.type, "video");
  assert.equal(video?.codec, "h264");
  assert.deepEqual([video?.width, video?.height, video?.bit_depth], [320, 180, 8]);
  assert.equal(video?.interlaced, false);
  assert.deepEqual([audio?.type, audio?.language, audio?.title], ["audio", "de", "Kommentar"]);
});

test("names with spaces, newlines, colons, percent signs, a leading dash and all of Unicode", async () => {
  for (const name of [
    "a b.mp4",
    "a\nb.mp4",
    "-i.mp4",
    "c:d.mp4",
    "frame%03d.mp4",
    "fïlm 🎬 影.mp4",
    "concat:x.mp4",
    "pipe:0",
    "*?.mp4",
  ]) {
    await writeFile(path(name), await readFile(clip));
    assert.equal((await probe(path(name))).duration_ms, 3000, name);
  }
});

test("rotation is clockwise and the size is the displayed one", async () => {
  const file = path("turned.mp4");
  await writeFile(file, turned(await readFile(clip)));
  const media = await probe(file);
  assert.equal(media.rotation, 90);
  assert.deepEqual([media.streams[0]?.width, media.streams[0]?.height], [180, 320]);
});

/** Writes the matrix of a phone held upright into the first track: the picture is to be turned clockwise by 90 degrees.
 * ISO/IEC 14496-12 section 8.3.2; which sign ffmpeg's own options mean differs between its versions. */
function turned(bytes: Buffer): Buffer {
  const matrix = bytes.indexOf("tkhd", 0, "latin1") + 44;
  for (const [at, value] of [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000].entries())
    bytes.writeInt32BE(value, matrix + 4 * at);
  return bytes;
}

test("variable frame rate is told by the timestamps, also where the rates agree", async () => {
  const drop = ["-vf", "select='not(mod(n,2))+lt(n,30)'", "-fps_mode", "passthrough"];
  const args = [...VIDEO, ...drop.map((arg) => (arg === "-fps_mode" ? "-vsync" : arg)), ...H264];
  assert.equal((await probe(await make("vfr.mkv", ...args))).vfr, true);
  const film = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=24000/1001:d=3", ...H264];
  assert.equal((await probe(await make("ntsc.mkv", ...film))).vfr, false, "rounded to ms, but even");
});

test("start offset, and timecode with drop frame", async () => {
  const offset = await probe(
    await make("offset.ts", "-i", clip, "-c", "copy", "-an", "-output_ts_offset", "10", "-muxdelay", "0"),
  );
  assert.equal(offset.start_offset_ms, 10_000);
  assert.ok(Math.abs(offset.duration_ms - 3000) < 60);
  const ntsc = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30000/1001:d=1", ...H264, "-timecode", "01:00:00;02"];
  assert.deepEqual((await probe(await make("tc.mov", ...ntsc))).timecode, {
    start: "01:00:00;02",
    drop_frame: true,
    rate: { num: 30000, den: 1001 },
  });
});

test("a cover picture is an attachment; sound alone has no video facts", async () => {
  await make("cover.jpg", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1");
  const args = ["-i", clip, "-i", path("cover.jpg"), "-map", "0:a", "-map", "1", "-c:a", "copy", "-c:v", "copy"];
  const media = await probe(await make("song.m4a", ...args, "-disposition:v:0", "attached_pic", "-f", "mp4"));
  assert.deepEqual(
    media.streams.map(({ type }) => type),
    ["audio", "attachment"],
  );
  assert.deepEqual([media.rotation, media.vfr], [0, false]);
});

test("10 bits, odd sizes and non-square pixels", async () => {
  const args = ["-f", "lavfi", "-i", "testsrc2=s=321x181:r=25:d=0.2,setsar=64/45,format=yuv444p10", "-c:v", "ffv1"];
  const [video] = (await probe(await make("odd.mkv", ...args))).streams;
  assert.deepEqual([video?.width, video?.height, video?.bit_depth], [321, 181, 10]);
  assert.deepEqual(video?.sample_aspect_ratio, { num: 64, den: 45 });
});

test("what is no media says so", async () => {
  await writeFile(path("text.mp4"), "Dear reader, this is a letter and not a film.\n".repeat(40));
  await rejects(path("text.mp4"), "NOT_MEDIA");
  await writeFile(path("empty.mp4"), "");
  await rejects(path("empty.mp4"), "EMPTY_FILE");
  await writeFile(
    path("noise.mp4"),
    Buffer.from(Array.from({ length: 9000 }, (_, n) => (n * n * 31 + (n >> 3)) % 256)),
  );
  await rejects(path("noise.mp4"), "NOT_MEDIA");
  await writeFile(path("words.mp4"), "1\n00:00:01,000 --> 00:00:02,000\nHello\n");
  await rejects(path("words.mp4"), "NOT_MEDIA");
  await rejects(await make("still.png", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1"), "STILL_IMAGE");
  await rejects(path("absent.mp4"), "SOURCE_NOT_FOUND");
  await rejects(folder, "SOURCE_UNREADABLE");
});

test("a file cut off in the middle says what is left", async () => {
  for (const [name, args] of [
    ["cut.mp4", ["-c", "copy", "-movflags", "+faststart"]],
    ["cut.mkv", ["-c", "copy"]],
    ["cut.ts", ["-c", "copy"]],
    ["cut.avi", ["-c:v", "mpeg4", "-c:a", "copy"]],
  ] as const) {
    const file = await make(name, "-i", clip, ...args);
    await truncate(file, Math.floor((await readFile(file)).length / 2) + 1);
    const media = await probe(file);
    assert.ok(media.truncated, `${name} is cut off`);
    assert.ok(media.duration_ms > 500 && media.duration_ms < 2800, `${name} has ${media.duration_ms} ms left`);
  }
  const late = await make("late.mp4", "-i", clip, "-c", "copy");
  await truncate(late, Math.floor((await readFile(late)).length / 2));
  await rejects(late, "INDEX_MISSING");
});

const REFERENCES: Readonly<Record<string, string>> = {
  m3u8: "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nclip.mp4\n#EXT-X-ENDLIST\n",
  "m3u8 behind a byte order mark": "\uFEFF#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:9/x.ts\n",
  concat: "ffconcat version 1.0\nfile clip.mp4\n",
  "concat without its header": "# list\nfile 'clip.mp4'\n",
  dash: '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>clip.mp4</BaseURL></MPD>',
  sdp: "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
  imf: '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"/>',
  vobsub: "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n",
  pls: "[playlist]\nFile1=clip.mp4\n",
  addresses: "http://127.0.0.1:9/film.mp4\n",
  cue: 'FILE "clip.wav" WAVE\n  TRACK 01 AUDIO\n',
  svg: '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/hostname"/></svg>',
};
for (const [kind, text] of Object.entries(REFERENCES))
  test(`refused, also disguised as .mp4: ${kind}`, async () => {
    await writeFile(path("disguised.mp4"), text);
    await rejects(path("disguised.mp4"), "REFERENCES_REFUSED");
  });

test("refused by the tool's own allow-list where the bytes fool our reading", async () => {
  // ffprobe looks for <MPD anywhere in the first kilobytes; a binary prefix hides it from a reader of text.
  await writeFile(
    path("prefixed.mp4"),
    `\u0001\u0002<?xml?><MPD profiles="urn:mpeg:dash:profile:isoff-live:2011"></MPD>${" ".repeat(3000)}`,
  );
  await assert.rejects(probe(path("prefixed.mp4")), (error: MediaError) =>
    /UNSUPPORTED_FORMAT|NOT_MEDIA/.test(error.reason),
  );
});

test("refused: a QuickTime file whose samples lie in another file", async () => {
  const bytes = await readFile(await make("inside.mov", "-i", clip, "-c", "copy", "-an"));
  await writeFile(path("outside.mov"), withDataReference(bytes, "file:///etc/hostname\0"));
  await rejects(path("outside.mov"), "REFERENCES_REFUSED");
});

/** Makes the first track's data reference point elsewhere: the entry grows, and with it every box around it. */
function withDataReference(bytes: Buffer, target: string): Buffer {
  const entry = bytes.indexOf("url \0\0\0\x01", bytes.indexOf("dref", 0, "latin1"), "latin1") - 4;
  assert.ok(entry > 0);
  const content = Buffer.from(target, "latin1");
  for (const type of ["moov", "trak", "mdia", "minf", "dinf", "dref"]) {
    const at = bytes.lastIndexOf(type, entry, "latin1") - 4;
    bytes.writeUInt32BE(bytes.readUInt32BE(at) + content.length, at);
  }
  bytes.writeUInt32BE(12 + content.length, entry);
  bytes[entry + 11] = 0;
  return Buffer.concat([bytes.subarray(0, entry + 12), content, bytes.subarray(entry + 12)]);
}

test("reads from a URL with ranges, and refuses a playlist there", async (t) => {
  const server = createServer(async (request, response) => {
    const bytes = await readFile(request.url === "/list" ? path("list") : clip);
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const from = Number(range?.[1] ?? 0);
    const to = Math.min(bytes.length - 1, range?.[2] ? Number(range[2]) : bytes.length - 1);
    response.writeHead(range === null ? 200 : 206, {
      "accept-ranges": "bytes",
      "content-length": to - from + 1,
      ...(range === null ? {} : { "content-range": `bytes ${from}-${to}/${bytes.length}` }),
    });
    response.end(bytes.subarray(from, to + 1));
  });
  await writeFile(path("list"), REFERENCES.m3u8 ?? "");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const media = await probe(`${base}/film`);
  assert.equal(media.duration_ms, 3000);
  assert.equal(media.size, (await readFile(clip)).length);
  await rejects(`${base}/list`, "REFERENCES_REFUSED");
});
