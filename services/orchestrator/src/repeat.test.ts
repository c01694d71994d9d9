import assert from "node:assert/strict";
import { test } from "node:test";
import { repeat } from "./repeat.ts";

const NEVER_MS = 3_600_000;

test("it runs again and again, never twice at once, and not after it was disposed of", async () => {
  let runs = 0;
  let atOnce = 0;
  const third = Promise.withResolvers<void>();
  const repeated = repeat(1, async () => {
    assert.equal(++atOnce, 1);
    await new Promise(setImmediate);
    atOnce--;
    if (++runs === 3) third.resolve();
  });
  await third.promise;
  await repeated[Symbol.asyncDispose]();
  const ended = runs;
  repeated.soon();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(runs, ended);
});

test("asked to run soon it does so at once, or once more when it is running, however often it was asked", async () => {
  const started: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
  const gates: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
  let runs = 0;
  await using repeated = repeat(NEVER_MS, async () => {
    const at = runs++;
    started[at]?.resolve();
    await gates[at]?.promise;
  });
  repeated.soon();
  await started[0]?.promise;
  repeated.soon();
  repeated.soon();
  assert.equal(runs, 1);
  gates[0]?.resolve();
  await started[1]?.promise;
  gates[1]?.resolve();
  await new Promise(setImmediate);
  assert.equal(runs, 2);
});
