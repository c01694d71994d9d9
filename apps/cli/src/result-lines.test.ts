import assert from "node:assert/strict";
import { test } from "node:test";
import { Result } from "@heimdex/contracts/v1/search";
import { highlight, resultLines } from "./result-lines.ts";
import { PLAIN } from "./ui/style.ts";

const marks = { ...PLAIN, match: (text: string) => `<${text}>` };

test("words of the query stand out in whatever form, and control characters do nothing", () => {
  assert.equal(
    highlight("The trains left; a train\u001b[2J stayed", "train leaving", marks),
    "The <trains> left; a <train>\\u{1b}[2J stayed",
  );
  assert.equal(highlight("nothing of it", "train", marks), "nothing of it");
});

test("a result says when, what, why in words, and where", () => {
  const result = Result.fromPartial({
    title: "evening.mp4",
    atMs: 85_250,
    startMs: 83_000,
    endMs: 91_500,
    snippet: "the last train",
    source: "file:///films/a%20b%0A.mp4",
    why: [
      { channel: "spoken", rank: 1, score: 3, matched: ["train"] },
      { channel: "text", rank: 4, score: 0.812, matched: [] },
    ],
  });
  assert.deepEqual(resultLines(2, result, "train", marks), [
    " 2. evening.mp4  00:01:25.250  in 00:01:23.000–00:01:31.500",
    "    the last <train>",
    "    said: train; near in meaning (0.81) (rank 4)",
    "    /films/a b\\n.mp4",
  ]);
});
