import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeimdexError } from "@heimdex/errors";
import { createLog } from "@heimdex/telemetry";
import { Connection } from "./connection.ts";
import { FakeOrchestrator } from "./fake-orchestrator.fixture.ts";

const hello = { protocolVersions: [1], worker: "test@here" };

test("a call that is not answered in time is DEADLINE_EXCEEDED, and the next one goes over a new connection", async () => {
  await using server = await FakeOrchestrator.start();
  using connection = new Connection(server.address, createLog("test", "silent"));
  const never = new AbortController().signal;
  const open = () => connection.call(5_000, undefined, never, ({ work }, options) => work.openSession(hello, options));
  const { session, token } = await open();
  const parked = connection.call(50, token, never, ({ work }, options) =>
    work.acquireLeases({ session, requestId: "r1", slots: [{ stage: "org.example.note", count: 1 }] }, options),
  );
  await assert.rejects(parked, (error: HeimdexError) => error.id === "DEADLINE_EXCEEDED");
  const before = server.connections.size;
  assert.notEqual((await open()).session, session);
  assert.equal(server.connections.size, before + 1);
});

test("an aborted call rejects with the signal's reason", async () => {
  await using server = await FakeOrchestrator.start();
  using connection = new Connection(server.address, createLog("test", "silent"));
  const stop = new AbortController();
  const reason = new Error("enough");
  const { session, token } = await connection.call(5_000, undefined, stop.signal, ({ work }, options) =>
    work.openSession(hello, options),
  );
  const parked = connection.call(60_000, token, stop.signal, ({ work }, options) =>
    work.acquireLeases({ session, requestId: "r1", slots: [{ stage: "org.example.note", count: 1 }] }, options),
  );
  await server.until(() => server.requests.acquire.length === 1);
  stop.abort(reason);
  await assert.rejects(parked, (thrown) => thrown === reason);
  await assert.rejects(
    connection.call(1_000, token, stop.signal, () => assert.fail("no call is made")),
    (thrown) => thrown === reason,
  );
});
