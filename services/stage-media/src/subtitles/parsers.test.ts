import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAss } from "./ass.ts";
import { parseClock } from "./clock.ts";
import { MAX_CUES, type ParsedCues } from "./cue.ts";
import { decodeText } from "./decode-text.ts";
import { parseSrt } from "./srt.ts";
import { parseWebVtt } from "./webvtt.ts";

/** `[start, end, text, speaker?]` of each cue. */
function short({ cues }: ParsedCues): unknown[] {
  return cues.map((c) => [c.startMs, c.endMs, c.text, ...(c.speaker === undefined ? [] : [c.speaker])]);
}

for (const [text, ms] of [
  ["00:00:01,500", 1_500],
  ["01:02:03.004", 3_723_004],
  ["02:03.5", 123_500],
  [" 0:00:01.25 ", 1_250],
  ["00:00:07", 7_000],
  ["100:00:00,000", 360_000_000],
  ["00:60:00,000", Number.NaN],
  ["00:00:61,000", Number.NaN],
  ["-00:00:01,000", Number.NaN],
  ["soon", Number.NaN],
  ["", Number.NaN],
] as const) {
  test(`parseClock: "${text}"`, () => assert.equal(parseClock(text), ms));
}

const srt: readonly (readonly [name: string, text: string, cues: unknown[], notes?: number])[] = [
  [
    "two cues, two lines, markup",
    '1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\nyou &amp; me\n\n2\n00:00:03,000 --> 00:00:04,000\n{\\an8}<font color="#fff">Bye</font>\n',
    [
      [1000, 2500, "Hello you & me"],
      [3000, 4000, "Bye"],
    ],
  ],
  [
    "no numbers, no empty line between",
    "00:00:01,000 --> 00:00:02,000\nA\n00:00:03,000 --> 00:00:04,000\nB",
    [
      [1000, 2000, "A"],
      [3000, 4000, "B"],
    ],
  ],
  [
    "no empty line before a number",
    "1\n00:00:01,000 --> 00:00:02,000\nA\n2\n00:00:03,000 --> 00:00:04,000\nB",
    [
      [1000, 2000, "A"],
      [3000, 4000, "B"],
    ],
  ],
  [
    "a year is no number",
    "1\n00:00:01,000 --> 00:00:02,000\n1984\n\n00:00:03,000 --> 00:00:04,000\nB",
    [
      [1000, 2000, "1984"],
      [3000, 4000, "B"],
    ],
  ],
  [
    "an empty line within the text",
    "1\n00:00:01,000 --> 00:00:02,000\nA\n\nB\n\n2\n00:00:03,000 --> 00:00:04,000\nC",
    [
      [1000, 2000, "A B"],
      [3000, 4000, "C"],
    ],
  ],
  ["coordinates and dots", "1\n00:00:01.000 --> 00:00:02.000  X1:10 X2:20 Y1:1 Y2:2\nA", [[1000, 2000, "A"]]],
  [
    "ends before it begins",
    "1\n00:00:05,000 --> 00:00:02,000\nA\n\n2\n00:00:06,000 --> 00:00:07,000\nB",
    [[6000, 7000, "B"]],
    1,
  ],
  ["times that are none", "1\n00:99:05,000 --> 01:99:06,000\nA\n\n2\nnow --> then\nB", [], 2],
  [
    "effects and sounds stay",
    "1\n00:00:01,000 --> 00:00:02,000\n[door slams] ANNA: a < b, - Yes!",
    [[1000, 2000, "[door slams] ANNA: a < b, - Yes!"]],
  ],
  ["only markup", "1\n00:00:01,000 --> 00:00:02,000\n<i></i>\n", []],
  ["not a subtitle file", "Dear all,\nsee you --> there.", [], 1],
  ["nothing", "", []],
  [
    "decomposed letters and zero width",
    "1\n00:00:01,000 --> 00:00:02,000\nCafe\u0301\u200b \u202atest\u202c\u2028x",
    [[1000, 2000, "Café test x"]],
  ],
];
for (const [name, text, cues, notes = 0] of srt) {
  test(`parseSrt: ${name}`, () => {
    const parsed = parseSrt(text);
    assert.deepEqual(short(parsed), cues);
    assert.equal(parsed.notes.length, notes);
  });
}

const vtt: readonly (readonly [name: string, text: string, cues: unknown[], notes?: number])[] = [
  [
    "identifiers, settings, styles, notes, voices",
    "WEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot said\n\nREGION\nid:x\n\nintro\n00:01.000 --> 00:02.000 align:start position:10%\n<v.loud Mary Lou>Hello <b>you</b></v>\n\n01:00:00.000 --> 01:00:01.000\n<c.yellow>a &lt;b&gt;</c> <00:00:01.500>c\n",
    [
      [1000, 2000, "Hello you", "Mary Lou"],
      [3_600_000, 3_601_000, "a <b> c"],
    ],
  ],
  ["no header, comma, hours of one digit", "0:00:01,000 --> 0:00:02,000\nA", [[1000, 2000, "A"]]],
  ["ruby keeps its base", "WEBVTT\n\n00:01.000 --> 00:02.000\n<ruby>漢<rt>kan</rt></ruby>", [[1000, 2000, "漢"]]],
  ["a note in one line, an arrow right after", "WEBVTT\n\nNOTE x\n00:01.000 --> 00:02.000\nA", [[1000, 2000, "A"]]],
  [
    "bad times",
    "WEBVTT\n\n00:01.000 --> 00:00.500\nA\n\nx --> y\nB\n\n00:03.000 --> 00:04.000\nC",
    [[3000, 4000, "C"]],
    2,
  ],
  ["only a header", "WEBVTT\n", []],
];
for (const [name, text, cues, notes = 0] of vtt) {
  test(`parseWebVtt: ${name}`, () => {
    const parsed = parseWebVtt(text);
    assert.deepEqual(short(parsed), cues);
    assert.equal(parsed.notes.length, notes);
  });
}

const head = "[Script Info]\nTitle: x\n\n[V4+ Styles]\nFormat: Name\nStyle: Default\n\n[Events]\n";
const order = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";
const ass: readonly (readonly [name: string, text: string, cues: unknown[], notes?: number])[] = [
  [
    "overrides, breaks, commas, speakers, comments",
    `${head}${order}Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not said\nDialogue: 0,0:00:01.00,0:00:02.50,Default,Anna,0,0,0,,{\\i1}Well,{\\i0} yes\\Nor no\\hmaybe\n`,
    [[1000, 2500, "Well, yes or no maybe", "Anna"]],
  ],
  [
    "another order of fields",
    `${head}Format: Start, End, Text\nDialogue: 0:00:01.00,0:00:02.00,A, b\n`,
    [[1000, 2000, "A, b"]],
  ],
  ["no format line", `${head}Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,A\n`, [[1000, 2000, "A"]]],
  [
    "drawings are no text",
    `${head}${order}Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,{\\an7\\p1}m 0 0 l 9 9{\\p0}Sign\n`,
    [[1000, 2000, "Sign"]],
  ],
  [
    "the same line in two layers counts once",
    `${head}${order}${"Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,{\\bord3}A\n".repeat(2)}`,
    [[1000, 2000, "A"]],
  ],
  [
    "lines outside the events, attached fonts",
    `${head}${order}[Fonts]\nfontname: /etc/passwd\nDialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,A\n`,
    [],
  ],
  ["cut off and bad times", `${head}${order}Dialogue: 0,0:00:03.00,0:00:02.00,D,,0,0,0,,A\nDialogue: 0,0:00:0`, [], 2],
];
for (const [name, text, cues, notes = 0] of ass) {
  test(`parseAss: ${name}`, () => {
    const parsed = parseAss(text);
    assert.deepEqual(short(parsed), cues);
    assert.equal(parsed.notes.length, notes);
  });
}

test("no more cues are kept than the limit", () => {
  const parsed = parseSrt("00:00:01,000 --> 00:00:02,000\nA\n".repeat(MAX_CUES + 2));
  assert.equal(parsed.cues.length, MAX_CUES);
  assert.match(parsed.notes[0] ?? "", /^2 cues past/);
});

for (const [name, bytes, text, encoding] of [
  ["UTF-8 with mark and CRLF", [0xef, 0xbb, 0xbf, 0xc3, 0xa9, 13, 10, 65, 13], "é\nA\n", "utf-8"],
  ["UTF-16LE with mark", [0xff, 0xfe, 0xe9, 0, 65, 0], "éA", "utf-16le"],
  ["UTF-16BE with mark", [0xfe, 0xff, 0, 0xe9, 0, 65], "éA", "utf-16be"],
  ["UTF-16LE without mark", [65, 0, 66, 0, 67, 0], "ABC", "utf-16le"],
  ["Windows-1252", [0xe9, 0x92, 65], "é’A", "windows-1252"],
  ["empty", [], "", "utf-8"],
] as const) {
  test(`decodeText: ${name}`, () => assert.deepEqual(decodeText(Uint8Array.from(bytes)), { text, encoding }));
}
