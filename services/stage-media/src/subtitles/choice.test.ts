import assert from "node:assert/strict";
import { test } from "node:test";
import { languageMatch, languageTag } from "./language-tag.ts";
import { neighbourTrack } from "./neighbours.ts";
import { rankTracks, type SubtitleTrack } from "./track.ts";

for (const [stated, want] of [
  ["eng", "en"],
  ["ger", "de"],
  ["deu", "de"],
  ["German", "de"],
  ["pt_br", "pt-BR"],
  ["zh-Hant", "zh-Hant"],
  ["und", undefined],
  ["mul", undefined],
  ["sub", undefined],
  ["forced", undefined],
  ["", undefined],
  [undefined, undefined],
  ["x;DROP", undefined],
] as const) {
  test(`languageTag: ${stated}`, () => assert.equal(languageTag(stated), want));
}

test("languageMatch: the same tag, the same language, another", () => {
  assert.deepEqual(
    [
      languageMatch("en-GB", "en-gb"),
      languageMatch("en-GB", "eng"),
      languageMatch("de", "en"),
      languageMatch(undefined, "en"),
    ],
    [2, 1, 0, 0],
  );
});

for (const [media, name, want] of [
  ["film.mp4", "film.srt", { format: "srt", isDefault: true }],
  ["film.mp4", "film.mp4.srt", { format: "srt", isDefault: true }],
  ["film.mp4", "film.en.VTT", { format: "webvtt", language: "en", isDefault: false }],
  ["film.mp4", "film.German.forced.ass", { format: "ass", language: "de", forced: true }],
  ["film.mp4", "film.en.hi.srt", { language: "en", forced: false }],
  ["film.mp4", "film.hi.srt", { language: "hi" }],
  ["film.mp4", "film.pt-BR.default.ssa", { format: "ass", language: "pt-BR", isDefault: true }],
  ["a.b.c.mkv", "a.b.c.fr.srt", { language: "fr" }],
  ["two\nlines é.mp4", "two\nlines e\u0301.srt", { isDefault: true }],
  ["noextension", "noextension.srt", { isDefault: true }],
  ["film.mp4", "film2.srt", undefined],
  ["film.mp4", "film.part2.srt", undefined],
  ["film.mp4", "film.txt", undefined],
  ["film.mp4", "other.srt", undefined],
  ["film.mp4", ".srt", undefined],
  [".mp4", ".en.srt", undefined],
] as const) {
  test(`neighbourTrack: ${JSON.stringify(name)} beside ${JSON.stringify(media)}`, () => {
    const track = neighbourTrack(media, name);
    if (want === undefined) assert.equal(track, undefined);
    else assert.partialDeepStrictEqual(track, { name, ...want });
  });
}

function track(name: string, more: Partial<SubtitleTrack> = {}): SubtitleTrack {
  return {
    origin: "embedded",
    name,
    format: "srt",
    language: undefined,
    isDefault: false,
    forced: false,
    commentary: false,
    ...more,
  };
}
const tracks = [
  track("en forced", { language: "en", forced: true, isDefault: true }),
  track("en", { language: "en" }),
  track("de", { language: "de", isDefault: true }),
  track("en comments", { language: "en", commentary: true }),
  track("fr file", { language: "fr", origin: "neighbour" }),
  track("pt", { language: "pt-BR" }),
];
for (const [languages, want] of [
  [[], "de"],
  [["en"], "en"],
  [["ja", "fr", "en"], "fr file"],
  [["pt-PT", "en"], "pt"],
  [["ja"], "de"],
] as const) {
  test(`rankTracks: preferring ${languages.join(", ") || "nothing"}`, () => {
    assert.equal(rankTracks(tracks, languages)[0]?.name, want);
  });
}
