import assert from "node:assert/strict";
import { test } from "node:test";
import { noteStage, serve } from "./serve.fixture.ts";

const HELLO = Buffer.from('{"text":"hello"}');

test("a worker never holds more leases of a stage than it has slots, and needs far fewer calls than steps", async (t) => {
  let running = 0;
  let most = 0;
  const stage = noteStage(
    async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      return { note: { text: "" } };
    },
    { slots: 64 },
  );
  const { server } = await serve(t, [stage]);
  const leases = Array.from({ length: 1_000 }, () =>
    server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] }),
  );
  await Promise.all(leases.map((lease) => server.finished(lease)));
  assert.ok(most <= 64, `${most} at once`);
  const polls = server.requests.acquire.length;
  assert.ok(polls <= 250, `${polls} polls`);
  assert.ok(server.requests.finish.length <= 250, `${server.requests.finish.length} calls of FinishLeases`);
  for (const { slots } of server.requests.acquire) for (const { count } of slots) assert.ok(count >= 1 && count <= 64);
});

test("a slot that becomes free while another stage's poll is parked is asked for at once", async (t) => {
  const gate = Promise.withResolvers<void>();
  const slow = noteStage(
    async () => {
      await gate.promise;
      return { note: { text: "" } };
    },
    { name: "org.example.slow" },
  );
  const idle = noteStage(async () => ({ note: { text: "" } }), { name: "org.example.idle", slots: 3 });
  const { server } = await serve(t, [slow, idle]);
  const first = server.offer({ stage: slow.name, inputs: [server.inline("note", HELLO)] });
  await server.until(() => server.requests.acquire.at(-1)?.slots.every(({ stage }) => stage === idle.name));
  gate.resolve();
  await server.finished(first);
  await server.finished(server.offer({ stage: slow.name, inputs: [server.inline("note", HELLO)] }));
  const parked = server.requests.acquire.filter(({ slots }) => slots.some(({ stage }) => stage === idle.name));
  // The poll parked for `idle` was left alone.
  assert.ok(parked.length <= 3, `${parked.length} polls`);
  assert.deepEqual(parked.at(-1)?.slots, [{ stage: idle.name, count: 3 }]);
});

test("an empty answer is asked again, and one that comes at once does not make a busy loop", async (t) => {
  const stage = noteStage(async () => ({ note: { text: "" } }));
  const { server } = await serve(t, [stage], { fake: { maxWaitMs: 20_000 } });
  server.answerEmpty = 3;
  const begun = performance.now();
  await server.finished(server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] }));
  assert.ok(performance.now() - begun >= 290, "three pauses of 100 ms");
  assert.equal(new Set(server.requests.acquire.slice(0, 4).map(({ requestId }) => requestId)).size, 4);
});
