import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { RegisterStageRequest } from "@heimdex/contracts/stage/v1/stage_registry_service";
import { HeimdexError } from "@heimdex/errors";
import { FakeOrchestrator } from "./fake-orchestrator.fixture.ts";
import { type Capability, defineStage } from "./index.ts";
import { abortOf, note, noteStage, serve } from "./serve.fixture.ts";

const HELLO = Buffer.from('{"text":"hello"}');
const echo = () => noteStage(async ({ inputs }) => ({ note: { text: (await inputs.note.json()).text } }));

test("a worker registers what its probes found, and polls only for what it can run", async (t) => {
  const probed = (name: string, probe: () => Promise<Capability>) => ({ ...echo(), name, probe });
  const model = { id: "m", sha256: "0".repeat(64), licence: "MIT" };
  const stages = [
    probed("org.example.able", async () => ({ available: true, models: [model] })),
    probed("org.example.lacking", async () => ({ available: false, reason: "NO_MODEL", help: "Pull it." })),
    probed("org.example.broken", async () => {
      throw new Error("no such library");
    }),
  ];
  const { server } = await serve(t, stages);
  await server.until(() => server.requests.register.length === 3 && server.requests.acquire.length > 0);
  const found = server.requests.register
    .map((r) => [r.manifest?.name, r.models, r.unavailableReason, r.unavailableHelp])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  assert.deepEqual(found, [
    ["org.example.able", [model], "", ""],
    ["org.example.broken", [], "PROBE_FAILED", "no such library"],
    ["org.example.lacking", [], "NO_MODEL", "Pull it."],
  ]);
  const lease = server.offer({ stage: "org.example.able", inputs: [server.inline("note", HELLO)] });
  await server.finished(lease);
  assert.deepEqual(
    [...new Set(server.requests.acquire.flatMap(({ slots }) => slots.map(({ stage }) => stage)))],
    ["org.example.able"],
  );
});

test("a stage that the server refuses is not served, the others are", async (t) => {
  const server = await FakeOrchestrator.start();
  const refusal = new HeimdexError("STAGE_CYCLE", "it would close a cycle");
  server.refuse(
    "registerStage",
    refusal,
    (request: RegisterStageRequest) => request.manifest?.name === "org.example.bad",
  );
  const { logged } = await serve(t, [{ ...echo(), name: "org.example.bad" }, echo()], { server });
  await server.finished(server.offer({ stage: "org.example.note", inputs: [server.inline("note", HELLO)] }));
  assert.deepEqual(
    logged.filter(({ level }) => level === "error").map(({ stage, id }) => [stage, id]),
    [["org.example.bad", "STAGE_CYCLE"]],
  );
  const asked = server.requests.acquire.flatMap(({ slots }) => slots.map(({ stage }) => stage));
  assert.deepEqual([...new Set(asked)], ["org.example.note"]);
});

test("a worker whose every stage is refused ends with the refusal", async (t) => {
  const server = await FakeOrchestrator.start();
  server.refuse("registerStage", new HeimdexError("MANIFEST_CHANGED", "another digest"));
  const { ended } = await serve(t, [echo()], { server });
  assert.equal(((await ended) as HeimdexError).id, "MANIFEST_CHANGED");
  assert.equal(server.sessions.size, 0);
});

test("a server that shares no protocol version ends the worker", async (t) => {
  const server = await FakeOrchestrator.start();
  server.refuse("openSession", new HeimdexError("PROTOCOL_UNSUPPORTED", "version 2 is spoken here"));
  const { ended } = await serve(t, [echo()], { server });
  assert.equal(((await ended) as HeimdexError).id, "PROTOCOL_UNSUPPORTED");
});

test("the content of the mount probe is sent with polls, where it can be read", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sdk-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const probe = join(folder, "nonce");
  await writeFile(probe, "nonce-1");
  const near = await serve(t, [echo()], { fake: { mountProbe: probe } });
  await near.server.until(() => near.server.requests.acquire.length > 0);
  assert.equal(near.server.requests.acquire[0]?.mountProof, "nonce-1");
  const far = await serve(t, [echo()], { fake: { mountProbe: join(folder, "elsewhere") } });
  await far.server.until(() => far.server.requests.acquire.length > 0);
  assert.equal(far.server.requests.acquire[0]?.mountProof, "");
});

test("a lost answer to AcquireLeases is asked for again under the same request id: no lease is lost or run twice", async (t) => {
  let runs = 0;
  const stage = noteStage(async () => {
    runs += 1;
    return { note: { text: "" } };
  });
  const { server } = await serve(t, [stage]);
  server.loseAnswer("acquireLeases", 2);
  const lease = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  await server.finished(lease);
  const ids = server.requests.acquire.slice(0, 3).map(({ requestId }) => requestId);
  assert.equal(new Set(ids).size, 1);
  assert.equal(runs, 1);
});

test("a lost answer to FinishLeases is repeated until it is answered, and the lease is renewed meanwhile", async (t) => {
  const { server } = await serve(t, [echo()], { fake: { renewEveryMs: 20 } });
  server.loseAnswer("finishLeases", 3);
  const lease = server.offer({ stage: "org.example.note", inputs: [server.inline("note", HELLO)] });
  await server.until(() => server.requests.finish.length === 4);
  assert.ok(server.requests.renew.some(({ renewals }) => renewals.some((renewal) => renewal.lease === lease.lease)));
  // Once it is answered the lease is held no longer.
  const renewals = server.requests.renew.length;
  await server.until(() => server.requests.renew.length > renewals + 2);
  assert.deepEqual(server.requests.renew.at(-1)?.renewals, []);
  assert.equal(server.requests.finish.length, 4);
});

test("SUPERSEDED and REFUSED results are not sent again", async (t) => {
  const { server, logged } = await serve(t, [echo()]);
  for (const result of ["SUPERSEDED", "REFUSED"] as const) {
    server.judge = () => ({ result, reason: "LEASE_SUPERSEDED", message: "too late" });
    await server.finished(server.offer({ stage: "org.example.note", inputs: [server.inline("note", HELLO)] }));
  }
  server.judge = () => ({ result: "ACCEPTED" });
  await server.finished(server.offer({ stage: "org.example.note", inputs: [server.inline("note", HELLO)] }));
  assert.equal(server.requests.finish.length, 3);
  assert.deepEqual(
    logged.filter(({ msg }) => /result/.test(String(msg))).map(({ level }) => level),
    ["info", "error"],
  );
});

test("a call that is refused as a whole is taken apart, and only the result at fault fails", async (t) => {
  const gate = Promise.withResolvers<void>();
  const stage = noteStage(
    async ({ inputs }) => {
      const { text } = await inputs.note.json();
      await gate.promise;
      return { note: { text } };
    },
    { slots: 3 },
  );
  const { server } = await serve(t, [stage]);
  server.poison = (finish) =>
    finish.outcome?.$case === "completed" && finish.outcome.value.outputs[0]?.size === '{"text":"poison"}'.length;
  const leases = ["fine", "poison", "also"].map((text) =>
    server.offer({ stage: stage.name, inputs: [server.inline("note", Buffer.from(JSON.stringify({ text })))] }),
  );
  await server.until(() => server.requests.acquire.length > 0);
  gate.resolve();
  const outcomes = await Promise.all(leases.map(async (lease) => (await server.finished(lease)).outcome));
  assert.deepEqual(
    outcomes.map((outcome) => (outcome?.$case === "failed" ? outcome.value.reason : outcome?.$case)),
    ["completed", "RESULT_REFUSED", "completed"],
  );
});

test("a server that forgot the session gets a new one with all stages; work under way is dropped, its slot used again", async (t) => {
  const aborted: unknown[] = [];
  const stage = noteStage(async ({ inputs, signal }) => {
    if ((await inputs.note.json()).text === "hello") {
      aborted.push(await abortOf(signal));
      throw signal.reason;
    }
    return { note: { text: "done" } };
  });
  const { server } = await serve(t, [stage]);
  const dropped = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  await server.until(() => server.requests.renew.some(({ renewals }) => renewals.length === 1));
  server.forgetSessions();
  const next = server.offer({ stage: stage.name, inputs: [server.inline("note", Buffer.from('{"text":"again"}'))] });
  assert.equal((await server.finished(next)).outcome?.$case, "completed");
  assert.equal(server.finishes.has(dropped.lease), false);
  assert.equal(aborted.length, 1);
  assert.equal(server.requests.register.length, 2);
  assert.notEqual(server.requests.register[0]?.session, server.requests.register[1]?.session);
});

test("a server that is killed and comes back is found again: the session goes on, the result arrives, two log lines say so", async (t) => {
  const gate = Promise.withResolvers<void>();
  const stage = noteStage(async () => {
    await gate.promise;
    return { note: { text: "done" } };
  });
  const { server, logged, untilLogged } = await serve(t, [stage]);
  const lease = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  await server.until(() => server.requests.renew.some(({ renewals }) => renewals.length === 1));
  server.down();
  await untilLogged("orchestrator away");
  gate.resolve();
  await server.up();
  assert.equal((await server.finished(lease)).outcome?.$case, "completed");
  await server.finished(server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] }));
  assert.equal(server.requests.register.length, 1);
  assert.deepEqual(
    logged.map(({ msg }) => msg).filter((msg) => String(msg).startsWith("orchestrator")),
    ["orchestrator away", "orchestrator back"],
  );
});

test("a worker that starts before its server waits for it", async (t) => {
  const server = await FakeOrchestrator.start();
  server.down();
  const { untilLogged } = await serve(t, [echo()], { server });
  await untilLogged("orchestrator away");
  await server.up();
  await server.finished(server.offer({ stage: "org.example.note", inputs: [server.inline("note", HELLO)] }));
});

test("a server that drains gets what is under way finished and its session closed, and is asked again in a new one", async (t) => {
  const gate = Promise.withResolvers<void>();
  const stage = noteStage(
    async ({ inputs }) => {
      if ((await inputs.note.json()).text === "hello") await gate.promise;
      return { note: { text: "done" } };
    },
    { slots: 2 },
  );
  const { server } = await serve(t, [stage]);
  const held = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  await server.until(() => server.requests.acquire.length > 1);
  const [old] = server.sessions;
  server.startDrain();
  await server.until(() => server.sessions.size === 2);
  server.drain = false;
  const next = server.offer({ stage: stage.name, inputs: [server.inline("note", Buffer.from('{"text":"next"}'))] });
  await server.finished(next);
  assert.equal(server.requests.closed.includes(old as string), false);
  gate.resolve();
  assert.equal((await server.finished(held)).outcome?.$case, "completed");
  await server.until(() => server.requests.closed.includes(old as string));
  assert.equal(
    server.requests.finish.find(({ finishes }) => finishes.some(({ lease }) => lease === held.lease))?.session,
    old,
  );
});

test("interactive requests are answered side by side, while the batch slot is taken, and are not renewed", async (t) => {
  const gate = Promise.withResolvers<void>();
  const both = Promise.withResolvers<void>();
  let asked = 0;
  const stage = defineStage({
    name: "org.example.embed",
    version: "1.0.0",
    behaviour: 1,
    description: "Answers.",
    inputs: { note },
    outputs: { note },
    run: async () => {
      await gate.promise;
      return { note: { text: "" } };
    },
    async interactive(request) {
      const text = Buffer.from(request).toString();
      if (text === "bad") throw new Error("no vector");
      asked += 1;
      if (asked === 2) both.resolve();
      await both.promise;
      return Buffer.from(text.toUpperCase());
    },
  });
  const { server } = await serve(t, [stage]);
  const batch = server.offer({ stage: stage.name, inputs: [server.inline("note", HELLO)] });
  await server.until(() => server.requests.acquire.filter(({ lane }) => lane === "INTERACTIVE").length >= 2);
  assert.equal(server.requests.register[0]?.interactive, true);
  const answers = await Promise.all(
    ["one", "two"].map((text) => server.finished(server.ask(stage.name, Buffer.from(text)))),
  );
  assert.deepEqual(
    answers.map(({ outcome }) => {
      assert.equal(outcome?.$case, "completed");
      const [output] = outcome.value.outputs;
      assert.equal(output?.content?.$case, "inline");
      return [output.port, output.content.value.toString()];
    }),
    [
      ["response", "ONE"],
      ["response", "TWO"],
    ],
  );
  const bad = await server.finished(server.ask(stage.name, Buffer.from("bad")));
  assert.equal(bad.outcome?.$case, "failed");
  await server.until(() => server.requests.renew.some(({ renewals }) => renewals.length > 0));
  const renewed = server.requests.renew.flatMap(({ renewals }) => renewals.map(({ lease }) => lease));
  assert.deepEqual([...new Set(renewed)], [batch.lease]);
  gate.resolve();
  await server.finished(batch);
});
