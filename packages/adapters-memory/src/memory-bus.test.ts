import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { busConformance, withId } from "@heimdex/ports/conformance";
import { MemoryBus } from "./memory-bus.ts";

async function open(t: TestContext) {
  const errors: unknown[] = [];
  const bus = new MemoryBus({ onError: (error) => errors.push(error) });
  t.after(() => bus[Symbol.asyncDispose]());
  return { bus, peer: bus, errors };
}

busConformance("MemoryBus", open);

test("a group's members take turns", async (t) => {
  const { bus } = await open(t);
  const got: string[] = [];
  const all = Promise.withResolvers<void>();
  for (const name of ["a", "b", "c"])
    await bus.subscribe(
      "x",
      () => {
        got.push(name);
        if (got.length === 6) all.resolve();
      },
      { group: "g" },
    );
  for (let n = 0; n < 6; n++) await bus.publish("x", n);
  await all.promise;
  assert.deepEqual(got, ["a", "b", "c", "a", "b", "c"]);
});

test("a member that leaves before delivery leaves the message to its group", async (t) => {
  const { bus } = await open(t);
  const got = Promise.withResolvers<string>();
  const leaver = await bus.subscribe("x", () => got.resolve("leaver"), { group: "g" });
  await bus.subscribe("x", () => got.resolve("stayer"), { group: "g" });
  await bus.publish("x", 1);
  await leaver[Symbol.asyncDispose]();
  assert.equal(await got.promise, "stayer");
});

test("an aborted request tells its responder", async (t) => {
  const { bus } = await open(t);
  const asked = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  await bus.respond("slow", async (_payload, _subject, signal) => {
    signal.addEventListener("abort", () => told.resolve(), { once: true });
    asked.resolve();
    await told.promise;
  });
  const abort = new AbortController();
  const waiting = bus.request("slow", 1, { timeoutMs: 3_600_000, signal: abort.signal });
  await asked.promise;
  abort.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await told.promise;
});

test("closing tells the responders at work", async (t) => {
  const { bus } = await open(t);
  const asked = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  await bus.respond("slow", async (_payload, _subject, signal) => {
    signal.addEventListener("abort", () => told.resolve(), { once: true });
    asked.resolve();
    await told.promise;
  });
  const waiting = assert.rejects(bus.request("slow", 1, { timeoutMs: 3_600_000 }), withId("BUS_CLOSED"));
  await asked.promise;
  await bus[Symbol.asyncDispose]();
  await Promise.all([waiting, told.promise]);
});

test("a storm of messages that beget messages starves no timer", async (t) => {
  const { bus } = await open(t);
  let storming = true;
  await bus.subscribe("ping", async () => {
    if (storming) await bus.publish("ping", null);
  });
  await bus.publish("ping", null);
  await new Promise((resolve) => setTimeout(resolve, 1));
  storming = false;
});
