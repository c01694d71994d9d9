import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeimdexError } from "@heimdex/errors";
import type { ArchiveEvent } from "@heimdex/ports";
import { withId } from "@heimdex/ports/conformance";
import { type NatsServer, readEvents } from "@heimdex/testing-servers";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { answered, newServer, OPTIONS, open, unavailable } from "./nats.fixture.ts";

const STREAM = "heimdex_events";

const event = (id: string, tenant = "default", type = "heimdex.job.ended"): ArchiveEvent => ({
  specversion: "1.0",
  id,
  source: `/tenants/${tenant}`,
  type,
  subject: "j_1",
  time: "2026-11-30T00:00:00.000Z",
  datacontenttype: "application/json",
  data: { tenant },
});

const stored = (server: NatsServer, subjects?: string) => readEvents<ArchiveEvent>(server, STREAM, subjects);

async function manage<R>(server: NatsServer, work: (manager: JetStreamManager) => Promise<R>): Promise<R> {
  await using connection = await connect({ servers: server.url, user: server.user, pass: server.password });
  return await work(await jetstreamManager(connection));
}

test("of one id the log takes one event, whoever appends it, and keeps the order", OPTIONS, async (t) => {
  const server = await newServer(t);
  const [bus, peer] = [await open(t, server), await open(t, server)];
  await Promise.all([bus.prepare(), peer.prepare()]);
  assert.deepEqual(await stored(server), [], "it can be followed before there are events");
  await Promise.all([bus.append(event("1")), peer.append(event("1"))]);
  await peer.append(event("2", "cutting-room"));
  await bus.append(event("1"));
  await bus.append(event("3", "default", "heimdex.asset.indexed"));
  assert.deepEqual(await stored(server), [
    event("1"),
    event("2", "cutting-room"),
    event("3", "default", "heimdex.asset.indexed"),
  ]);
  const ids = async (subjects: string) => (await stored(server, subjects)).map(({ id }) => id);
  assert.deepEqual(await ids("heimdex.event.*.job.ended"), ["1", "2"]);
  assert.deepEqual(await ids("heimdex.event.cutting-room.>"), ["2"]);
});

test("what was stored is there after the server was killed", OPTIONS, async (t) => {
  const server = await newServer(t);
  const bus = await open(t, server);
  await bus.append(event("1"));
  await server.container.kill();
  await assert.rejects(bus.append(event("2")), unavailable);
  await server.container.start();
  await answered(() => bus.append(event("2")));
  assert.deepEqual(await stored(server), [event("1"), event("2")]);
});

test("a server that comes back empty, or loses the stream, gets it again from the next event", OPTIONS, async (t) => {
  const server = await newServer(t);
  const bus = await open(t, server);
  await bus.append(event("1"));
  await server.killAndWipe();
  await server.container.start();
  await answered(() => bus.append(event("2")));
  assert.deepEqual(await stored(server), [event("2")]);
  await manage(server, (manager) => manager.streams.delete(STREAM));
  await bus.append(event("3"));
  assert.deepEqual(await stored(server), [event("3")]);
});

test("a stream that whoever runs the server has changed stays as it is", OPTIONS, async (t) => {
  const server = await newServer(t);
  await (await open(t, server)).append(event("1"));
  await manage(server, (manager) => manager.streams.update(STREAM, { max_bytes: 1_000_000 }));
  await (await open(t, server)).prepare();
  await (await open(t, server)).append(event("2"));
  assert.equal((await manage(server, (manager) => manager.streams.info(STREAM))).config.max_bytes, 1_000_000);
  assert.deepEqual(await stored(server), [event("1"), event("2")]);
});

test("a server without JetStream is a bus all the same, and events are refused with what to do", OPTIONS, async (t) => {
  const server = await newServer(t, { jetstream: false });
  const [bus, peer] = [await open(t, server), await open(t, server)];
  await peer.respond("echo", async (payload) => payload);
  assert.equal(await bus.request("echo", 1, { timeoutMs: 10_000 }), 1);
  await assert.rejects(bus.prepare(), unavailable);
  await assert.rejects(bus.append(event("1")), (error: HeimdexError) => {
    unavailable(error);
    assert.match(error.message, /keeps no events/);
    assert.match(error.help, /JetStream/);
    return true;
  });
});

test("while the server hangs an event is refused in its time", OPTIONS, async (t) => {
  const server = await newServer(t);
  const bus = await open(t, server, 500);
  await bus.append(event("1"));
  await server.container.pause();
  await assert.rejects(bus.append(event("2")), unavailable);
  await server.container.resume();
  await answered(() => bus.append(event("2")));
  assert.deepEqual(await stored(server), [event("1"), event("2")], "though it may have come the first time too");
});

test("an event that no message has room for is refused, and one after the bus was closed", OPTIONS, async (t) => {
  const server = await newServer(t);
  const bus = await open(t, server);
  const large = { ...event("1"), data: { tenant: "default", text: "x".repeat(1024 * 1024) } };
  await assert.rejects(bus.append(large), withId("INVALID_ARGUMENT"));
  await bus[Symbol.asyncDispose]();
  await assert.rejects(bus.append(event("2")), withId("BUS_CLOSED"));
});
