import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { HeimdexError } from "@heimdex/errors";
import { withId } from "@heimdex/ports/conformance";
import { answered, newServer, OPTIONS, open, unavailable } from "./nats.fixture.ts";
import { NatsBus } from "./nats-bus.ts";

test(
  "when the server ends, what waits is told so at once, and everything goes on when it is back",
  OPTIONS,
  async (t) => {
    const server = await newServer(t);
    const [bus, peer] = [await open(t, server), await open(t, server)];
    const got: unknown[] = [];
    await peer.subscribe("events.>", (payload) => void got.push(payload));
    await peer.respond("echo", async (payload) => payload);
    const asked = Promise.withResolvers<void>();
    await peer.respond("slow", async () => {
      asked.resolve();
      await new Promise(() => {});
    });
    const waiting = assert.rejects(bus.request("slow", 1, { timeoutMs: 3_600_000 }), unavailable);
    const back = Promise.withResolvers<void>();
    bus.onReconnect(back.resolve);
    bus.onReconnect(() => assert.fail("it was disposed of"))[Symbol.dispose]();
    await asked.promise;
    await server.container.kill();
    await waiting;
    await assert.rejects(bus.publish("events.a", "meanwhile"), unavailable);
    await assert.rejects(bus.request("echo", 1, { timeoutMs: 60_000 }), unavailable);
    await assert.rejects(
      bus.subscribe("x", () => {}),
      unavailable,
    );
    await server.container.start();
    await back.promise;
    assert.equal(await answered(() => bus.request("echo", "again", { timeoutMs: 5_000 })), "again");
    while (!got.includes("after")) {
      await answered(() => bus.publish("events.a", "after"));
      await sleep(20);
    }
  },
);

test(
  "while the server hangs calls end in their time, the loss is noticed, and everything goes on afterwards",
  OPTIONS,
  async (t) => {
    const server = await newServer(t);
    const [bus, peer] = [await open(t, server, 1_000), await open(t, server, 1_000)];
    await peer.respond("echo", async (payload) => payload);
    await server.container.pause();
    await Promise.all([
      assert.rejects(bus.request("echo", 1, { timeoutMs: 300 }), withId("BUS_TIMEOUT")),
      assert.rejects(
        bus.subscribe("x", () => {}),
        unavailable,
      ),
    ]);
    // After three pings without an answer the connection counts as lost.
    await assert.rejects(bus.request("echo", 1, { timeoutMs: 120_000 }), unavailable);
    await server.container.resume();
    assert.equal(await answered(() => bus.request("echo", "again", { timeoutMs: 5_000 })), "again");
  },
);

test("a bus can be closed while its server hangs, or is gone", OPTIONS, async (t) => {
  const server = await newServer(t);
  const [bus, other] = [await open(t, server), await open(t, server)];
  await server.container.pause();
  await bus.publish("x", 1);
  const waiting = assert.rejects(bus.request("x", 1, { timeoutMs: 3_600_000 }), withId("BUS_CLOSED"));
  await bus[Symbol.asyncDispose]();
  await waiting;
  await server.container.resume();
  await server.container.kill();
  await assert.rejects(other.request("x", 1, { timeoutMs: 60_000 }), unavailable);
  await other[Symbol.asyncDispose]();
});

test("what was published just before closing arrives", OPTIONS, async (t) => {
  const server = await newServer(t);
  const [bus, peer] = [await open(t, server), await open(t, server)];
  const got: unknown[] = [];
  const all = Promise.withResolvers<void>();
  await peer.subscribe("x", (payload) => {
    if (got.push(payload) === 100) all.resolve();
  });
  for (let n = 0; n < 100; n++) void bus.publish("x", n);
  await bus[Symbol.asyncDispose]();
  await all.promise;
  assert.deepEqual(
    got,
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test("a wrong password and a wrong address are told apart, and no message holds the password", OPTIONS, async (t) => {
  const server = await newServer(t);
  const refused = async (servers: string, message: RegExp) =>
    assert.rejects(
      NatsBus.open({ servers, user: "heimdex", password: "geheim", timeoutMs: 2_000, onError: () => {} }),
      (error: HeimdexError) => {
        unavailable(error);
        assert.match(error.message, message);
        assert.doesNotMatch(JSON.stringify(error), /geheim/);
        return true;
      },
    );
  await refused(server.url, /refused the user/);
  await refused("nats://localhost:1", /localhost:1 /);
  await refused(server.url.replace("nats:", "tls:"), /does not support 'tls'/);
  await assert.rejects(
    NatsBus.open({ servers: server.url, prefix: "a.b", onError: () => {} }),
    withId("CONFIG_INVALID"),
  );
});
