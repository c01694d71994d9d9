import assert from "node:assert/strict";
import { test } from "node:test";
import type { NumberRange } from "@heimdex/ports";
import fc from "fast-check";
import { rangePattern, readNumbers, writeNumbers } from "./number-terms.ts";

/** JavaScript knows the same syntax but for the flag within the pattern. */
const finds = (text: string, field: string, ranges: readonly NumberRange[]): boolean => {
  const pattern = rangePattern(field, ranges);
  return pattern !== undefined && new RegExp(pattern.replace("(?m)", ""), "m").test(text);
};

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(-0, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE, 0.1 + 0.2),
);
const range = fc.record({ min: number, max: number, above: number, below: number }, { requiredKeys: [] });

test("a range finds a row when, and only when, one of its numbers lies in it", () => {
  fc.assert(
    fc.property(fc.array(number, { maxLength: 4 }), range, (numbers, { min, max, above, below }) => {
      const text = writeNumbers(
        new Map([
          ["x", [1, 2]],
          ["f", numbers],
          ["y", numbers.map((x) => x + 1)],
        ]),
      );
      const given = Object.fromEntries(
        Object.entries({ min, max, above, below }).filter(([, bound]) => bound !== undefined),
      ) as NumberRange;
      const holds = (x: number) =>
        (min === undefined || x >= min) &&
        (max === undefined || x <= max) &&
        (above === undefined || x > above) &&
        (below === undefined || x < below);
      assert.equal(finds(text, "f", [given]), numbers.some(holds));
    }),
    { numRuns: 2_000 },
  );
});

test("numbers come back as they were", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.array(number, { minLength: 1 })), (given) => {
      const fields = new Map(Object.entries(given));
      assert.deepEqual(
        readNumbers(writeNumbers(fields)),
        new Map([...fields].map(([f, its]) => [f, its.map((x) => x + 0)])),
      );
    }),
  );
});

test("any of several ranges; none holds for nothing", () => {
  const text = writeNumbers(new Map([["f", [5]]]));
  assert.ok(finds(text, "f", [{ max: 1 }, { min: 5, max: 5 }]));
  assert.ok(!finds(text, "f", []));
  assert.ok(!finds(text, "f", [{ min: Number.NaN }]));
  assert.ok(!finds(text, "F", [{}]));
});
