import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { HeimdexError } from "@heimdex/errors";
import { withId } from "@heimdex/ports/conformance";
import { type NatsServer, startNats } from "@heimdex/testing-servers";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { NatsBus } from "./nats-bus.ts";

const OPTIONS = { timeout: 300_000 };
const unavailable = withId("BUS_UNAVAILABLE");

async function newServer(t: TestContext): Promise<NatsServer> {
  const server = await startNats();
  t.after(() => server[Symbol.asyncDispose]());
  return server;
}

async function open(t: TestContext, server: NatsServer, timeoutMs = 2_000): Promise<NatsBus> {
  const { url: servers, user, password } = server;
  const bus = await NatsBus.open({ servers, user, password, timeoutMs, onError: () => {} });
  t.after(() => bus[Symbol.asyncDispose]());
  return bus;
}

/** Calls until it is answered again: while the server is away with BUS_UNAVAILABLE, before the other side is back with BUS_NO_RESPONDER. */
async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if ((error as HeimdexError).id !== "BUS_NO_RESPONDER" && (error as HeimdexError).id !== "BUS_TIMEOUT")
        unavailable(error);
      await sleep(20); // lets the connection's own events through
    }
  }
}

/** How many messages the log holds. */
async function logged(server: NatsServer): Promise<number> {
  await using connection = await connect({ servers: server.url, user: server.user, pass: server.password });
  const manager = await jetstreamManager(connection);
  return (await manager.streams.info("heimdex_events")).state.messages;
}

test("an event published again under its id stands in the log once", OPTIONS, async (t) => {
  const server = await newServer(t);
  const [bus, peer] = [await open(t, server), await open(t, server)];
  await bus.publish("events.job.j1", { version: 1 }, { id: "j1:1" });
  await Promise.all([bus, peer, bus].map((each) => each.publish("events.job.j1", { version: 1 }, { id: "j1:1" })));
  await peer.publish("events.job.j1", { version: 2 }, { id: "j1:2" });
  await bus.publish("work.other", 1);
  assert.equal(await logged(server), 2);
});

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
    const waiting = [
      assert.rejects(bus.request("slow", 1, { timeoutMs: 3_600_000 }), unavailable),
      assert.rejects(bus.take("work.ready", { timeoutMs: 3_600_000 }), unavailable),
    ];
    await asked.promise;
    await bus.publish("events.a", "before", { id: "1" });
    await server.container.kill();
    await Promise.all(waiting);
    await assert.rejects(bus.publish("events.a", "meanwhile"), unavailable);
    await assert.rejects(bus.offer("work.ready", "a", 1), unavailable);
    await assert.rejects(bus.request("echo", 1, { timeoutMs: 60_000 }), unavailable);
    await assert.rejects(
      bus.subscribe("x", () => {}),
      unavailable,
    );
    await server.container.start();
    assert.equal(await answered(() => bus.request("echo", "again", { timeoutMs: 5_000 })), "again");
    await answered(() => bus.publish("events.a", "after", { id: "2" }));
    await answered(() => bus.offer("work.ready", "a", "hint"));
    assert.equal(await answered(() => peer.take("work.ready", { timeoutMs: 10_000 })), "hint");
    while (!got.includes("after")) await sleep(20);
    assert.equal(await logged(server), 2, "the log outlived the server's end");
  },
);

test("a server that comes back empty gets its streams again, from whoever comes first", OPTIONS, async (t) => {
  const server = await newServer(t);
  const [bus, peer] = [await open(t, server), await open(t, server)];
  await bus.publish("events.a", 1, { id: "1" });
  await bus.offer("work.ready", "lost", "lost");
  assert.equal(await peer.take("work.ready.other", { timeoutMs: 20 }), undefined);
  await server.wipe();
  await answered(() => bus.publish("events.a", 2, { id: "2" }));
  assert.equal(await logged(server), 1);
  // The hint is lost with the server; a sweep offers it again.
  assert.equal(await answered(() => peer.take("work.ready", { timeoutMs: 100 })), undefined);
  await answered(() => bus.offer("work.ready", "lost", "found"));
  assert.equal(await answered(() => peer.take("work.ready", { timeoutMs: 10_000 })), "found");
});

test("streams and consumers that were deleted under a live connection are declared again", OPTIONS, async (t) => {
  const server = await newServer(t);
  const bus = await open(t, server);
  await bus.offer("work.ready", "a", 1);
  assert.equal(await bus.take("work.ready", { timeoutMs: 5_000 }), 1);
  await using connection = await connect({ servers: server.url, user: server.user, pass: server.password });
  const manager = await jetstreamManager(connection);
  await manager.streams.delete("heimdex_hints");
  await manager.streams.delete("heimdex_events");
  await bus.publish("events.a", 1, { id: "1" });
  await bus.offer("work.ready", "b", 2);
  assert.equal(await bus.take("work.ready", { timeoutMs: 5_000 }), 2);
  const [consumer] = await manager.consumers.list("heimdex_hints").next();
  await manager.consumers.delete("heimdex_hints", consumer?.name ?? "");
  await bus.offer("work.ready", "c", 3);
  assert.equal(await bus.take("work.ready", { timeoutMs: 5_000 }), 3);
});

test("a stream that an earlier version declared otherwise is brought up to date", OPTIONS, async (t) => {
  const server = await newServer(t);
  await using connection = await connect({ servers: server.url, user: server.user, pass: server.password });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "heimdex_events", subjects: ["heimdex.message.events.>"], max_bytes: 1024 * 1024 });
  const bus = await open(t, server);
  await bus.publish("events.a", "x".repeat(100_000), { id: "1" });
  const { config } = await manager.streams.info("heimdex_events");
  assert.equal(config.max_bytes, 256 * 1024 * 1024);
  assert.equal(config.duplicate_window, 120e9);
});

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
      assert.rejects(bus.offer("work.ready", "a", 1), unavailable),
      assert.rejects(bus.publish("events.a", 1, { id: "1" }), unavailable),
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
  const waiting = assert.rejects(bus.take("work.ready", { timeoutMs: 3_600_000 }), withId("BUS_CLOSED"));
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

test("a taker that is killed leaves its hint to the next", OPTIONS, async (t) => {
  const server = await newServer(t);
  const bus = await open(t, server);
  await bus.offer("work.ready", "a", "kept");
  // As a process does that ends between getting a hint and saying so.
  const connection = await connect({ servers: server.url, user: server.user, pass: server.password });
  const manager = await jetstreamManager(connection);
  assert.equal(await bus.take("work.ready.declares", { timeoutMs: 20 }), undefined);
  const waiting = bus.take("work.ready", { timeoutMs: 5_000 });
  assert.equal(await waiting, "kept");
  await bus.offer("work.ready", "b", "given again");
  const [consumer] = (await manager.consumers.list("heimdex_hints").next()).filter(
    ({ config }) => config.filter_subject === "heimdex.hint.work.ready.*",
  );
  assert.ok(consumer);
  const inbox = connection.subscribe("killed", { max: 1 });
  connection.publish(`$JS.API.CONSUMER.MSG.NEXT.heimdex_hints.${consumer.name}`, "1", { reply: "killed" });
  for await (const message of inbox) assert.equal(message.json(), "given again");
  await connection.close();
  assert.equal(await bus.take("work.ready", { timeoutMs: 60_000 }), "given again");
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
