import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { probe } from "@heimdex/media";
import { type Media, stageLayer } from "@heimdex/sidecar";
import { tempFolder } from "../testing/temp-folder.ts";
import { extractTrack } from "./extract-track.ts";
import { MAX_SUBTITLE_BYTES, type Neighbour, readSubtitles } from "./subtitles.ts";

const run = promisify(execFile);
const ENGLISH =
  "1\n00:00:00,500 --> 00:00:01,500\nGood <i>morning</i>\n\n2\n00:00:02,000 --> 00:00:03,000\nThe harbour\n";
const GERMAN = "1\n00:00:00,600 --> 00:00:01,600\nGuten Morgen\n";
const ASS = `[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,16
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Default,Anna,0,0,0,,{\\i1}Bonjour{\\i0}
`;
const WEBVTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Bob>Hello you</v>\n";

/** Four seconds of picture with these subtitle files in it, in this order. */
async function film(t: TestContext, name: string, files: readonly string[], options: readonly string[] = []) {
  const folder = await tempFolder(t);
  const inputs: string[] = [];
  const maps = ["-map", "0"];
  for (const [i, text] of files.entries()) {
    const extension = text.startsWith("WEBVTT") ? "vtt" : text.startsWith("[") ? "ass" : "srt";
    const path = join(folder, `in-${i}.${extension}`);
    await writeFile(path, text);
    inputs.push("-i", path);
    maps.push("-map", String(i + 1));
  }
  const path = join(folder, name);
  const picture = ["-f", "lavfi", "-i", "testsrc2=d=4:s=64x48:r=10"];
  await run("ffmpeg", ["-v", "error", ...picture, ...inputs, ...maps, "-c:v", "mpeg4", ...options, path]);
  return path;
}

interface Asked {
  readonly path?: string;
  readonly media?: Media;
  readonly mediaName?: string;
  readonly neighbours?: Readonly<Record<string, string | Buffer>>;
  readonly languages?: readonly string[];
}

async function read(t: TestContext, asked: Asked) {
  const signal = new AbortController().signal;
  const scratch = await tempFolder(t);
  const { path } = asked;
  const notes: { message: string; fields: Record<string, unknown> }[] = [];
  const media = asked.media ?? (path === undefined ? facts([]) : await probe(path, { signal }));
  const layer = await readSubtitles({
    media,
    asset: "asset",
    mediaName: asked.mediaName ?? "film.mkv",
    neighbours: Object.entries(asked.neighbours ?? {}).map(([name, content]): Neighbour => {
      const bytes = Buffer.from(content);
      return { name, size: bytes.length, read: async () => bytes };
    }),
    languages: asked.languages ?? [],
    extract: (track) => extractTrack(track, { location: path ?? "", scratch, signal, onProgress() {}, onCpu() {} }),
    note: (message, fields) => notes.push({ message, fields }),
  });
  stageLayer.transcript.parse(layer);
  const cues = layer.items.map((i) => [i.start_ms, i.end_ms, i.text, ...(i.speaker ? [i.speaker] : [])]);
  return { language: layer.language, cues, notes };
}

function facts(streams: Media["streams"]): Media {
  return {
    container: "matroska,webm",
    size: 1,
    duration_ms: 4_000,
    streams,
    start_offset_ms: 0,
    vfr: false,
    rotation: 0,
  };
}

const ENGLISH_CUES = [
  [500, 1500, "Good morning"],
  [2000, 3000, "The harbour"],
];

for (const [name, options] of [
  ["film.mkv", ["-c:s", "srt"]],
  ["film.mp4", ["-c:s", "mov_text"]],
  ["film.mkv", ["-c:s", "ass"]],
  ["late.mkv", ["-c:s", "srt", "-output_ts_offset", "5"]],
  ["late.mp4", ["-c:s", "mov_text", "-output_ts_offset", "5"]],
] as const) {
  test(`embedded ${options[1]} in ${name}: cues on the asset's timeline`, async (t) => {
    const path = await film(t, name, [ENGLISH], [...options, "-metadata:s:s:0", "language=eng"]);
    const { language, cues } = await read(t, { path });
    assert.deepEqual(cues, ENGLISH_CUES);
    assert.equal(language, "en");
  });
}

for (const [name, text, want] of [
  ["ASS keeps its speaker", ASS, [[1000, 2000, "Bonjour", "Anna"]]],
  ["WebVTT keeps its words", WEBVTT, [[1000, 2000, "Hello you"]]],
] as const) {
  test(`embedded ${name}`, async (t) => {
    const path = await film(t, "film.mkv", [text], ["-c:s", "copy"]);
    const { cues } = await read(t, { path });
    assert.deepEqual(
      cues.map((cue) => cue.slice(0, want[0].length)),
      want,
    );
  });
}

test("of several tracks one is used: the preferred language, else the default; the others are named", async (t) => {
  const languages = [
    "-metadata:s:s:0",
    "language=eng",
    "-metadata:s:s:1",
    "language=ger",
    "-disposition:s:1",
    "default",
  ];
  const path = await film(t, "film.mkv", [ENGLISH, GERMAN], ["-c:s", "srt", ...languages]);
  const first = await read(t, { path });
  assert.equal(first.language, "de");
  assert.deepEqual(first.cues, [[600, 1600, "Guten Morgen"]]);
  assert.deepEqual(first.notes.at(-1)?.fields.unused, ["stream 1 (en, srt)"]);
  assert.equal((await read(t, { path, languages: ["fr", "en-US"] })).language, "en");
});

test("neighbours are read, whatever their encoding, and win over streams that are no default", async (t) => {
  const path = await film(t, "film.mkv", [ENGLISH], ["-c:s", "srt", "-disposition:s:0", "0"]);
  const neighbours = {
    "film.de.srt": Buffer.from(GERMAN.replace("Morgen", "Tag, Jürgen"), "latin1"),
    "film2.srt": ENGLISH,
  };
  const { language, cues, notes } = await read(t, { path, neighbours });
  assert.equal(language, "de");
  assert.deepEqual(cues, [[600, 1600, "Guten Tag, Jürgen"]]);
  assert.ok(notes.some(({ fields }) => fields.read_as === "windows-1252"));
});

test("a neighbour without a usable cue gives way to the next track", async (t) => {
  const neighbours = {
    "film.srt": "this is no subtitle file",
    "film.en.srt": Buffer.alloc(MAX_SUBTITLE_BYTES + 1, "x"),
    "film.fr.ass": ASS,
  };
  const { language, cues, notes } = await read(t, { neighbours });
  assert.deepEqual([language, cues], ["fr", [[1000, 2000, "Bonjour", "Anna"]]]);
  assert.ok(notes.some(({ message }) => message.includes("too large")));
});

test("cues overlap, stand out of order, repeat or leave the timeline", async (t) => {
  const cue = (from: string, to: string, text: string) => `00:00:${from} --> 00:00:${to}\n${text}\n\n`;
  const text = [
    cue("02,000", "03,000", "two at once"),
    cue("02,500", "09,000", "past the end"),
    cue("00,100", "00,400", "first"),
    cue("00,400", "00,700", "first"),
    cue("05,000", "06,000", "after the end"),
  ].join("");
  const { cues, notes } = await read(t, { neighbours: { "film.srt": text } });
  assert.deepEqual(cues, [
    [100, 700, "first"],
    [2000, 3000, "two at once"],
    [2500, 4000, "past the end"],
  ]);
  assert.ok(notes.some(({ fields }) => fields.cues === 1));
});

test("subtitles that are pictures are left alone and named; nothing found is a layer without items", async (t) => {
  const stream = { index: 2, type: "subtitle", codec: "hdmv_pgs_subtitle", time_base: { num: 1, den: 1000 } } as const;
  const { cues, language, notes } = await read(t, { media: facts([stream]) });
  assert.deepEqual([cues, language], [[], undefined]);
  assert.deepEqual(notes[0]?.fields.tracks, ["stream 2 (hdmv_pgs_subtitle)"]);
});

test("a container that cannot be read fails with its reason", async (t) => {
  const path = join(await tempFolder(t), "film.mkv");
  await writeFile(path, "nothing of the kind");
  const stream = { index: 0, type: "subtitle", codec: "subrip", time_base: { num: 1, den: 1000 } } as const;
  await assert.rejects(read(t, { path, media: facts([stream]) }), { name: "StageFailure", kind: "INPUT_REJECTED" });
});
