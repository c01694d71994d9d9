import assert from "node:assert/strict";
import { before, test } from "node:test";
import { readPicture } from "@heimdex/engine";
import { locateModel, pullModels } from "@heimdex/models";
import type { Sharp } from "sharp";
import { drawn } from "../testing/pictures.ts";
import { editDistance } from "./edit-distance.ts";
import { TEXT_MODEL, textModelFiles } from "./text-model.ts";
import { TextReader } from "./text-reader.ts";

let reader: TextReader;

before(async () => {
  await pullModels(TEXT_MODEL); // nothing to do where `make setup` ran
  const located = await locateModel(TEXT_MODEL);
  assert.ok(located.available);
  reader = await TextReader.open(textModelFiles(located), 1);
});

async function read(picture: Sharp) {
  const bytes = await picture.jpeg({ quality: 90 }).toBuffer();
  return reader.read(await readPicture(bytes), { detectionSide: 960, minConfidence: 0.6 });
}
const textsOf = async (picture: Sharp) => (await read(picture)).map(({ text }) => text);

const LINES = [
  { text: "EXIT 14 HARBOUR BRIDGE", size: 64, x: 80, y: 100, colour: "white" },
  { text: "The quick brown fox jumps over the lazy dog", size: 32, x: 80, y: 220, colour: "#ffe680" },
  { text: "Breaking News: Markets fall 3.5 percent", size: 40, x: 80, y: 330, colour: "black" },
  { text: "small caption burnt in at eighteen pixels", size: 18, x: 80, y: 430, colour: "white" },
  { text: "and one of sixteen, dated 2024-11-22", size: 16, x: 80, y: 500, colour: "white" },
];

test("reads light and dark lines of 16 to 64 pixels with their words apart, in order, with at most 2 % wrong characters", async () => {
  const sightings = await read(drawn(LINES, { ground: "#5a7a96" }));
  assert.equal(sightings.length, LINES.length);
  let wrong = 0;
  for (const [i, { text, x, y, size }] of LINES.entries()) {
    const found = sightings[i];
    assert.ok(found);
    wrong += editDistance(text, found.text);
    assert.ok(Math.abs(found.box.x * 1280 - x) < size / 2, "begins where it was drawn");
    assert.ok(found.box.y * 720 < y && (found.box.y + found.box.h) * 720 > y - size / 2, "stands where it was drawn");
    assert.ok(found.confidence > 0.8 && found.confidence <= 1);
    assert.equal(found.polygon, undefined);
  }
  assert.ok(wrong <= 0.02 * LINES.map(({ text }) => text).join("").length, `${wrong} wrong`);
});

test("reads text turned by 10 degrees and says its outline", async () => {
  const [found, ...others] = await read(drawn([{ text: "HARBOUR BRIDGE", x: 200, y: 250, size: 60, turned: 10 }]));
  assert.equal(others.length, 0);
  assert.equal(found?.text, "HARBOUR BRIDGE");
  const [a, b] = found.polygon ?? [];
  assert.ok(a && b);
  const degrees = (Math.atan2((b.y - a.y) * 720, (b.x - a.x) * 1280) * 180) / Math.PI;
  assert.ok(Math.abs(degrees - 10) < 2, `${degrees} degrees`);
});

test("reads text that stands on its head", async () => {
  assert.deepEqual(await textsOf(drawn([{ text: "HARBOUR BRIDGE", x: 900, y: 300, size: 60, turned: 180 }])), [
    "HARBOUR BRIDGE",
  ]);
});

test("reads two columns one after the other", async () => {
  const column = (x: number, lines: string[]) => lines.map((text, i) => ({ text, x, y: 200 + i * 60, size: 26 }));
  const left = ["The tide turned late that night", "and no boat left the harbour"];
  const right = ["In the morning there was fog", "so thick that bells were rung"];
  const texts = await textsOf(drawn([...column(60, left), ...column(700, right)]));
  assert.deepEqual(texts, [...left, ...right]);
});

test("finds nothing where nothing is written", async () => {
  assert.deepEqual(await read(drawn([])), []);
});

test("takes pictures of any size and kind", async () => {
  const line = [{ text: "OPEN DAILY", x: 300, y: 1500, size: 300 }];
  assert.deepEqual(await textsOf(drawn(line, { width: 4000, height: 3000 })), ["OPEN DAILY"]);
  const small = [{ text: "OPEN DAILY", x: 100, y: 300, size: 60 }];
  for (const picture of [drawn(small).greyscale(), drawn(small).toColourspace("cmyk")]) {
    assert.deepEqual(await textsOf(picture), ["OPEN DAILY"]);
  }
  for (const [width, height] of [
    [1, 1],
    [3, 500],
    [500, 3],
  ] as const) {
    assert.deepEqual(await read(drawn([], { width, height })), []);
  }
});

test("the same picture gives the same result", async () => {
  const picture = () => drawn(LINES.slice(0, 2));
  assert.deepEqual(await read(picture()), await read(picture()));
});
