import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Fault } from "./broken-worker.fixture.ts";
import { CHECKS } from "./checks.ts";
import { runKit } from "./run-kit.ts";

const FIXTURE = fileURLToPath(new URL("broken-worker.fixture.ts", import.meta.url));
const id = (number: number) => `HX-STG-${String(number).padStart(3, "0")}`;

/** What a worker does wrong, the check that is about it, and neighbours of that check which it passes. */
const BROKEN: readonly (readonly [fault: Fault, check: number, ...passed: number[]])[] = [
  ["wrong-protocol", 1],
  ["never-registers-again", 2, 1],
  ["impatient", 3, 4],
  ["busy", 4, 3],
  ["greedy", 5, 6, 7, 8],
  ["renews-late", 6, 5, 8],
  ["own-pace", 7, 5, 6, 8],
  ["renews-one-by-one", 8, 5, 6, 7],
  ["blocks", 9, 20],
  ["backwards", 10, 6, 7],
  ["deaf", 11, 12],
  ["insists", 12, 25],
  ["new-request-id", 13, 14],
  ["says-it-once", 14, 13],
  ["no-pause", 15, 2],
  ["drops-work", 16, 13, 15],
  ["ends-with-session", 17, 2],
  ["fails-cancelled", 18, 26],
  ["never-drains", 19, 18],
  ["wrong-digest", 20, 1],
  ["off-schema", 21, 20],
  ["all-inline", 22, 20, 21],
  ["other-bytes", 23, 22],
  ["says-it-twice", 24, 20, 21],
  ["random", 25, 12],
  ["path-only", 26, 20, 27],
  ["ascii-only", 27, 26],
  ["fixed-settings", 28, 26],
  ["needs-content", 29, 26],
  ["blames-machine", 30, 31],
  ["ends-with-failure", 31, 30],
  ["writes", 32, 26],
  ["runs-off", 33, 34],
  ["other-manifest", 34, 26],
];

// Most of the time is spent waiting.
describe("each check finds the worker that is broken as it says, and no other check does", { concurrency: 4 }, () => {
  for (const [fault, failing, ...passed] of BROKEN) {
    test(`${id(failing)}: ${fault}`, async () => {
      const command = [process.execPath, FIXTURE, fault];
      const { checks } = await runKit({ command, checks: [failing, ...passed].map(id) });
      const failed = checks.filter(({ outcome }) => outcome === "failed");
      assert.deepEqual(
        failed.map((check) => check.id),
        [id(failing)],
        checks.map(({ id, outcome, seen }) => `${id} ${outcome}: ${seen}`).join("\n"),
      );
    });
  }
});

test("there is a broken worker for each check", () => {
  assert.deepEqual(
    BROKEN.map(([, failing]) => id(failing)),
    CHECKS.map((check) => check.id),
  );
});
