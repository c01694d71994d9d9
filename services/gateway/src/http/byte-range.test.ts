import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesTag, parseRange } from "./byte-range.ts";

const whole = { kind: "whole" };
const none = { kind: "unsatisfiable" };
const part = (start: number, end: number) => ({ kind: "part", start, end });

for (const [header, size, want] of [
  [undefined, 10, whole],
  ["bytes=0-3", 10, part(0, 4)],
  ["bytes=0-0", 10, part(0, 1)],
  ["bytes=9-9", 10, part(9, 10)],
  ["bytes=4-", 10, part(4, 10)],
  ["bytes=0-", 10, part(0, 10)],
  ["bytes=-3", 10, part(7, 10)],
  ["bytes=-99", 10, part(0, 10)],
  ["bytes=8-99", 10, part(8, 10)],
  ["Bytes=1-2", 10, part(1, 3)],
  ["bytes=10-", 10, none],
  ["bytes=10-12", 10, none],
  ["bytes=-0", 10, none],
  ["bytes=0-", 0, none],
  ["bytes=-5", 0, none],
  ["bytes=5-4", 10, whole],
  ["bytes=-", 10, whole],
  ["bytes=a-b", 10, whole],
  ["bytes=0-1,4-5", 10, whole],
  ["lines=0-1", 10, whole],
  ["bytes=0-99999999999999999999999", 10, part(0, 10)],
] as const) {
  test(`range ${header} of ${size} bytes`, () => assert.deepEqual(parseRange(header, size), want));
}

for (const [header, want] of [
  [undefined, false],
  ['"x"', true],
  ['W/"x"', true],
  ['"a", "x"', true],
  ["*", true],
  ['"y"', false],
  ["x", false],
] as const) {
  test(`If-None-Match ${header} on "x"`, () => assert.equal(matchesTag(header, '"x"'), want));
}
