import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { errorDocument, errorLines } from "./error-report.ts";
import { PLAIN } from "./ui/style.ts";
import { UsageError } from "./usage-error.ts";

const error = new HeimdexError("SOURCE_UNREADABLE", "/films/a\nb.mp4 cannot be read", {
  metadata: { asset: "a_1", stage: "media.probe" },
  cause: new Error("EACCES: permission denied"),
});

test("an error says what happened, to what, why, and what to do; no stack", () => {
  assert.deepEqual(errorLines(error, PLAIN, {}), [
    "heimdex: /films/a\\nb.mp4 cannot be read [SOURCE_UNREADABLE]",
    "  asset: a_1",
    "  stage: media.probe",
    "  why: EACCES: permission denied",
    "  next: Give read permission to the user Heimdex runs as, or to the key of the bucket.",
  ]);
});

test("the stack is there for who asks", () => {
  assert.match(errorLines(error, PLAIN, { HEIMDEX_LOG_LEVEL: "debug" }).join("\n"), /at .*error-report\.test\.ts/);
});

test("programs get the registry's id; what is no error of ours is INTERNAL", () => {
  const document = errorDocument(error) as unknown as Record<string, unknown>;
  assert.deepEqual(
    [document.id, document.message, document.help, document.metadata],
    ["SOURCE_UNREADABLE", error.message, error.help, error.metadata],
  );
  assert.equal(errorDocument(new TypeError("x is not a function")).id, "INTERNAL");
  assert.equal(errorDocument(new UsageError("no")).id, "INVALID_ARGUMENT");
});
