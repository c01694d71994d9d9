import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { lanceError } from "./lance-error.ts";

test("a full disk is told by LanceDB's text", () => {
  // As 0.39 put it when a small tmpfs was full.
  const reason = new Error(
    "Failed to execute merge insert: GenericFailure, lance error: LanceError(IO): No space left on device (os error 28), lance-file-12.0.0/src/writer/structural.rs:255:9",
  );
  assert.equal(lanceError(reason, "writing").id, "DISK_FULL");
});

test("all else is INDEX_UNAVAILABLE, the first line of the reason told and the cause kept", () => {
  const reason = new Error("Table not found\nand much more");
  const error = lanceError(reason, "searching");
  assert.equal(error.id, "INDEX_UNAVAILABLE");
  assert.match(error.message, /searching: Table not found$/);
  assert.equal(error.cause, reason);
});

test("our own errors stay themselves", () => {
  const own = new HeimdexError("INVALID_ARGUMENT", "no");
  assert.equal(lanceError(own, "writing"), own);
});
