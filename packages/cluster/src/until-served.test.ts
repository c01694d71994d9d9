import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { untilServed } from "./until-served.ts";

function recorder() {
  const lines: string[] = [];
  const note = (_: object, line?: string) => void lines.push(line ?? "");
  return { lines, log: { info: note, warn: note } };
}

test("goes on until the server is there, with growing pauses, and says what it waits for once for each reason", async () => {
  const { lines, log } = recorder();
  const pauses: number[] = [];
  const answers = ["refused", "refused", "starting", "starting", "starting", "starting", "starting", undefined];
  const open = async () => {
    const reason = answers.shift();
    if (reason !== undefined) throw new HeimdexError("CATALOG_UNAVAILABLE", reason);
    return "open";
  };
  const pause = async (ms: number) => void pauses.push(ms);
  assert.equal(await untilServed("the catalog", open, log, new AbortController().signal, pause), "open");
  assert.deepEqual(lines, [
    "waiting for the catalog: refused",
    "waiting for the catalog: starting",
    "the catalog is there",
  ]);
  assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test("what waiting does not mend rejects at once", async () => {
  const { lines, log } = recorder();
  const open = () => Promise.reject(new HeimdexError("CONFIG_INVALID", "no such bucket name"));
  const opening = untilServed("the blob store", open, log, new AbortController().signal, () =>
    assert.fail("it waited"),
  );
  await assert.rejects(opening, { id: "CONFIG_INVALID" });
  assert.deepEqual(lines, []);
});

test("a service that is told to stop waits no longer", async () => {
  const stop = new AbortController();
  const open = async () => {
    stop.abort(new Error("told to stop"));
    throw new HeimdexError("BLOB_UNAVAILABLE", "refused");
  };
  await assert.rejects(untilServed("the blob store", open, recorder().log, stop.signal), /told to stop|aborted/);
});
