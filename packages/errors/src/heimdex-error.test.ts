import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "./heimdex-error.ts";
import { ERRORS, type ErrorId } from "./registry.ts";

test("from: an error of ours stays itself", () => {
  const error = new HeimdexError("ASSET_BUSY", "busy");
  assert.equal(HeimdexError.from(error), error);
});

test("from: an aborted wait is CANCELLED, one that timed out DEADLINE_EXCEEDED", async () => {
  assert.equal(HeimdexError.from(AbortSignal.abort().reason).id, "CANCELLED");
  const { reason } = await new Promise<AbortSignal>((resolve) => {
    const signal = AbortSignal.timeout(1);
    signal.addEventListener("abort", () => resolve(signal), { once: true });
  });
  assert.equal(HeimdexError.from(reason).id, "DEADLINE_EXCEEDED");
});

test("from: no room on the disk or in the quota is DISK_FULL", () => {
  for (const code of ["ENOSPC", "EDQUOT"]) {
    const cause = Object.assign(new Error("write failed"), { code });
    const error = HeimdexError.from(cause);
    assert.deepEqual([error.id, error.message, error.cause], ["DISK_FULL", "write failed", cause]);
  }
});

test("from: all else is INTERNAL, whatever was thrown, and keeps its cause", () => {
  const cause = Object.assign(new Error("no such file"), { code: "ENOENT" });
  assert.equal(HeimdexError.from(cause).id, "INTERNAL");
  assert.equal(HeimdexError.from(cause).cause, cause);
  for (const [thrown, message] of [
    ["boom", "boom"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("x"), "Symbol(x)"],
    [Object.create(null), "[Object: null prototype] {}"],
    [{ code: "ENOSPC" }, "{ code: 'ENOSPC' }"],
  ] as const) {
    const error = HeimdexError.from(thrown);
    assert.deepEqual([error.id, error.message, error.cause], ["INTERNAL", message, thrown]);
  }
});

test("help is the registry's unless the place that raises it knows better", () => {
  assert.equal(new HeimdexError("DISK_FULL", "full").help, ERRORS.DISK_FULL.help);
  assert.equal(new HeimdexError("DISK_FULL", "full", { help: "Empty the bin." }).help, "Empty the bin.");
});

test("JSON and back is the same error; the cause stays at home", () => {
  const error = new HeimdexError("INVALID_ARGUMENT", "two fields are bad", {
    help: "Correct them.",
    metadata: { asset: "a_1" },
    fields: [{ field: "manifest.inputs[2].media_type", description: "a media type" }],
    retryAfterMs: 0,
    cause: new Error("secret"),
  });
  const json = JSON.stringify(error);
  assert.doesNotMatch(json, /secret/);
  const back = HeimdexError.fromJSON(JSON.parse(json));
  assert.deepEqual(back.toJSON(), error.toJSON());
  assert.equal(back.retryAfterMs, 0);
  assert.equal(new HeimdexError("NOT_FOUND", "gone").toJSON().retry_after_ms, undefined);
});

test("an id of another version is INTERNAL and stands before the message", () => {
  for (const id of ["FROM_THE_FUTURE", "constructor"]) {
    const json = { ...new HeimdexError("NOT_FOUND", "gone").toJSON(), id };
    const error = HeimdexError.fromJSON(json);
    assert.deepEqual([error.id, error.message], ["INTERNAL" satisfies ErrorId, `${id}: gone`]);
  }
});
