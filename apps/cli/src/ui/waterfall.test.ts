import assert from "node:assert/strict";
import { test } from "node:test";
import { width } from "./text.ts";
import { type Span, waterfall } from "./waterfall.ts";

const span = (
  span_id: string,
  parent_id: string,
  start_ms: number,
  duration_ms: number,
  more: Partial<Span> = {},
): Span => ({
  name: span_id,
  service: "s",
  span_id,
  parent_id,
  start_ms,
  duration_ms,
  ...more,
});

test("children stand below their parent, in order of start, with bars on one scale", () => {
  const lines = waterfall(
    [
      span("late", "root", 500, 500),
      span("root", "", 0, 1000),
      span("early", "root", 0, 500),
      span("inner", "early", 250, 250),
    ],
    60,
  );
  assert.deepEqual(
    lines.map((line) => line.slice(0, 12).trimEnd()),
    ["root", "  early", "    inner", "  late"],
  );
  const bars = lines.map((line) => [line.indexOf("━"), line.lastIndexOf("━")] as const);
  const [root, early, inner, late] = bars;
  assert.equal(root?.[0], early?.[0]);
  assert.equal(root?.[1], late?.[1]);
  assert.ok((inner?.[0] ?? 0) > (early?.[0] ?? 0) && Math.abs((inner?.[1] ?? 0) - (early?.[1] ?? 0)) <= 1);
  assert.ok(lines.every((line) => width(line) <= 60));
});

test("what has no parent here is shown, a circle ends, and a failed span is marked", () => {
  const lines = waterfall(
    [span("orphan", "gone", 0, 1), span("a", "b", 0, 1), span("b", "a", 0, 1), span("bad", "", 0, 1, { error: true })],
    60,
  );
  assert.equal(lines.length, 4);
  assert.ok(lines.some((line) => line.startsWith("bad") && line.endsWith("✗")));
});

test("no spans, no lines; a span without length is still seen", () => {
  assert.deepEqual(waterfall([], 80), []);
  assert.match(waterfall([span("now", "", 5, 0)], 80)[0] ?? "", /━/);
});
