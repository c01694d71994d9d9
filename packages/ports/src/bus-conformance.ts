import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import type { Bus } from "./bus.ts";
import { withId } from "./conformance-tools.ts";

/** A bus of its own for one test, as two services see it. */
export interface BusHandle {
  readonly bus: Bus;
  /** Another connection to the same bus, as another process has it; the same object where there is but one process. */
  readonly peer: Bus;
  /** What both have given to their `onError`. */
  readonly errors: readonly unknown[];
}

/** Collects what a handler gets, and waits for it without a clock of its own: the test's timeout is the limit. */
class Inbox {
  readonly seen: { payload: unknown; subject: string }[] = [];
  #wake: () => void = () => {};

  readonly handler = (payload: unknown, subject: string): void => {
    this.seen.push({ payload, subject });
    this.#wake();
  };

  get payloads(): unknown[] {
    return this.seen.map(({ payload }) => payload);
  }

  async holds(count: number): Promise<void> {
    while (this.seen.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}

/** Resolves when everything published on `bus` before has been handed to the subscribers of `peer`: messages of one publisher keep their order
 * as far as one subscription sees them, so each of `inboxes` waits for a last message of its own subject. */
async function settled(bus: Bus, peer: Bus): Promise<void> {
  const fence = new Inbox();
  await using _ = await peer.subscribe("conformance.fence", fence.handler);
  await bus.publish("conformance.fence", null);
  await fence.holds(1);
}

const OPTIONS = { timeout: 20_000 };

/** One test per promise of the Bus's interface.
 * @param open gives each test a bus of its own and closes it after the test (`t.after`) */
export function busConformance(adapter: string, open: (t: TestContext) => Promise<BusHandle>): void {
  describe(`Bus: ${adapter}`, () => {
    test("a message reaches every subscriber of its subject, with its payload and subject", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const [a, b, other] = [new Inbox(), new Inbox(), new Inbox()];
      await peer.subscribe("work.ready", a.handler);
      await bus.subscribe("work.ready", b.handler);
      await peer.subscribe("work.done", other.handler);
      const payload = { text: "Grüße 🎬", list: [1, null, { deep: true }] };
      await bus.publish("work.ready", payload);
      await Promise.all([a.holds(1), b.holds(1)]);
      for (const inbox of [a, b]) assert.deepEqual(inbox.seen, [{ payload, subject: "work.ready" }]);
      await settled(bus, peer);
      assert.deepEqual(other.seen, []);
    });

    test("payloads cross as JSON", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const inbox = new Inbox();
      await peer.subscribe("x", inbox.handler);
      const sent = [null, 0, "", false, [], { at: new Date(0), gone: undefined }, undefined];
      for (const [i, payload] of sent.entries()) {
        await bus.publish("x", payload);
        await inbox.holds(i + 1);
      }
      assert.deepEqual(inbox.payloads, [null, 0, "", false, [], { at: "1970-01-01T00:00:00.000Z" }, null]);
    });

    test("sender and receivers share nothing", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const [a, b] = [new Inbox(), new Inbox()];
      await peer.subscribe("x", (payload, subject) => {
        a.handler(structuredClone(payload), subject);
        (payload as { n: number }).n = -1;
      });
      await peer.subscribe("x", b.handler);
      const payload = { n: 1 };
      const publishing = bus.publish("x", payload);
      payload.n = 2;
      await publishing;
      await Promise.all([a.holds(1), b.holds(1)]);
      assert.deepEqual([...a.payloads, ...b.payloads], [{ n: 1 }, { n: 1 }]);
      assert.deepEqual(payload, { n: 2 });
    });

    test("a handler never runs within the publisher's turn", OPTIONS, async (t) => {
      const { bus } = await open(t);
      let turn = "publishing";
      const inbox = new Inbox();
      await bus.subscribe("x", (_, subject) => inbox.handler(turn, subject));
      const publishing = bus.publish("x", 1);
      turn = "later";
      await publishing;
      await inbox.holds(1);
      assert.deepEqual(inbox.payloads, ["later"]);
    });

    test("one subscriber gets one publisher's messages in order", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const inbox = new Inbox();
      await peer.subscribe("x", inbox.handler);
      const numbers = Array.from({ length: 200 }, (_, i) => i);
      for (const n of numbers) await bus.publish("x", n);
      await inbox.holds(numbers.length);
      assert.deepEqual(inbox.payloads, numbers);
    });

    test("wildcards match whole tokens", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const subjects = [
        "work",
        "work.ready",
        "work.ready.asr",
        "work.ready.asr.transcribe",
        "work.readyx",
        "other.ready",
        "workx.ready.asr",
      ];
      const expected = {
        "work.*": ["work.ready", "work.readyx"],
        "work.>": ["work.ready", "work.ready.asr", "work.ready.asr.transcribe", "work.readyx"],
        "work.ready.>": ["work.ready.asr", "work.ready.asr.transcribe"],
        "*.ready": ["work.ready", "other.ready"],
        "*.ready.*": ["work.ready.asr", "workx.ready.asr"],
        "work.*.*.>": ["work.ready.asr.transcribe"],
        "work.*.asr": ["work.ready.asr"],
        "work.ready": ["work.ready"],
        ">": subjects,
      };
      const inboxes = new Map<string, Inbox>();
      for (const pattern of Object.keys(expected)) {
        const inbox = new Inbox();
        inboxes.set(pattern, inbox);
        await peer.subscribe(pattern, inbox.handler);
      }
      for (const subject of subjects) await bus.publish(subject, subject);
      for (const [pattern, want] of Object.entries(expected)) await inboxes.get(pattern)?.holds(want.length);
      await settled(bus, peer);
      inboxes.get(">")?.seen.pop(); // the fence itself
      for (const [pattern, want] of Object.entries(expected))
        assert.deepEqual(
          inboxes.get(pattern)?.seen.map(({ subject }) => subject),
          want,
          pattern,
        );
    });

    test("of a group one gets each message, and each group gets its own", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const [a1, a2, b1, lone] = [new Inbox(), new Inbox(), new Inbox(), new Inbox()];
      await peer.subscribe("x.y", a1.handler, { group: "a" });
      await bus.subscribe("x.y", a2.handler, { group: "a" });
      await peer.subscribe("x.y", b1.handler, { group: "b" });
      await peer.subscribe("x.*", lone.handler);
      const numbers = Array.from({ length: 100 }, (_, i) => i);
      for (const n of numbers) await bus.publish("x.y", n);
      await Promise.all([b1.holds(100), lone.holds(100)]);
      while (a1.seen.length + a2.seen.length < 100) await settled(bus, peer);
      await settled(bus, peer);
      const both = [...a1.payloads, ...a2.payloads] as number[];
      assert.deepEqual(
        both.toSorted((x, y) => x - y),
        numbers,
      );
      assert.deepEqual(b1.payloads, numbers);
      assert.deepEqual(lone.payloads, numbers);
    });

    test("a subscription that ended gets nothing more; its group goes on without it", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const [gone, stays, member] = [new Inbox(), new Inbox(), new Inbox()];
      const subscription = await peer.subscribe("x", gone.handler);
      const membership = await peer.subscribe("x", member.handler, { group: "g" });
      await peer.subscribe("x", stays.handler, { group: "g" });
      await subscription[Symbol.asyncDispose]();
      await subscription[Symbol.asyncDispose]();
      await membership[Symbol.asyncDispose]();
      for (let n = 0; n < 10; n++) await bus.publish("x", n);
      await stays.holds(10);
      await settled(bus, peer);
      assert.deepEqual(gone.seen, []);
      assert.deepEqual(member.seen, []);
    });

    test("what was published before is not seen", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      await bus.publish("x", "early");
      await settled(bus, peer);
      const inbox = new Inbox();
      await peer.subscribe("x", inbox.handler);
      await bus.publish("x", "in time");
      await inbox.holds(1);
      assert.deepEqual(inbox.payloads, ["in time"]);
    });

    test("a handler's error goes to onError, never to the publisher, and the handler lives on", OPTIONS, async (t) => {
      const { bus, peer, errors } = await open(t);
      const inbox = new Inbox();
      await peer.subscribe("x", (payload, subject) => {
        inbox.handler(payload, subject);
        throw new Error("thrown");
      });
      await peer.subscribe("x", async () => {
        throw new Error("rejected");
      });
      await bus.publish("x", 1);
      await bus.publish("x", 2);
      await inbox.holds(2);
      while (errors.length < 4) await settled(bus, peer);
      assert.deepEqual(errors.map((error) => (error as Error).message).toSorted(), [
        "rejected",
        "rejected",
        "thrown",
        "thrown",
      ]);
    });

    test("a request is answered by one responder", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      let calls = 0;
      for (const on of [peer, bus, peer])
        await on.respond("embed.query", async (payload, subject, signal) => {
          calls++;
          assert.ok(signal instanceof AbortSignal && !signal.aborted);
          return { subject, doubled: (payload as { n: number }).n * 2 };
        });
      for (const n of [1, 2, 3])
        assert.deepEqual(await bus.request("embed.query", { n }, { timeoutMs: 10_000 }), {
          subject: "embed.query",
          doubled: n * 2,
        });
      assert.equal(calls, 3);
    });

    test("requests run side by side, and each gets its own answer", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const gates = Array.from({ length: 20 }, () => Promise.withResolvers<void>());
      await peer.respond("echo", async (payload) => {
        const n = payload as number;
        if (n === gates.length - 1) for (const gate of gates.toReversed()) gate.resolve();
        await gates[n]?.promise;
        return n;
      });
      const answers = await Promise.all(gates.map((_, n) => bus.request("echo", n, { timeoutMs: 10_000 })));
      assert.deepEqual(
        answers,
        gates.map((_, n) => n),
      );
    });

    test("a responder that ends takes no request along", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const answered = new Map<string, number>();
      const responder = (name: string) => async () => {
        await new Promise(setImmediate);
        answered.set(name, (answered.get(name) ?? 0) + 1);
        return name;
      };
      await peer.respond("work.do", responder("stays"));
      const ending = await peer.respond("work.do", responder("ends"));
      const asking = Array.from({ length: 20 }, async () => {
        for (let n = 0; n < 20; n++) await bus.request("work.do", n, { timeoutMs: 15_000 });
      });
      while (!answered.has("ends")) await new Promise(setImmediate);
      await ending[Symbol.asyncDispose]();
      await Promise.all(asking);
      const { ends } = Object.fromEntries(answered);
      assert.equal(
        [...answered.values()].reduce((sum, count) => sum + count, 0),
        400,
      );
      for (let n = 0; n < 20; n++) assert.equal(await bus.request("work.do", n, { timeoutMs: 15_000 }), "stays");
      assert.equal(answered.get("ends"), ends);
    });

    test("a responder may answer a pattern, and nothing", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      await peer.respond("embed.*", async () => undefined);
      assert.equal(await bus.request("embed.text", undefined, { timeoutMs: 10_000 }), null);
    });

    test("requests and messages do not mix", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const inbox = new Inbox();
      let asked = 0;
      await peer.subscribe("x", inbox.handler);
      await peer.respond("x", async () => ++asked);
      await bus.publish("x", "message");
      await inbox.holds(1);
      assert.equal(await bus.request("x", "request", { timeoutMs: 10_000 }), 1);
      await settled(bus, peer);
      assert.deepEqual(inbox.payloads, ["message"]);
    });

    test("a request nobody listens for is refused at once", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const refused = () =>
        assert.rejects(bus.request("nobody", 1, { timeoutMs: 3_600_000 }), withId("BUS_NO_RESPONDER"));
      await peer.subscribe("nobody", () => {});
      await refused();
      const responder = await peer.respond("nobody", async () => 1);
      assert.equal(await bus.request("nobody", 1, { timeoutMs: 10_000 }), 1);
      await responder[Symbol.asyncDispose]();
      await refused();
    });

    test("a request times out, and its responder is told", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const told = Promise.withResolvers<void>();
      await peer.respond("slow", (_payload, _subject, signal) => {
        signal.addEventListener("abort", () => told.resolve(), { once: true });
        return told.promise;
      });
      await assert.rejects(bus.request("slow", 1, { timeoutMs: 50 }), withId("BUS_TIMEOUT"));
      await told.promise;
    });

    test("an aborted request rejects with the signal's reason and leaves no listener", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const asked = Promise.withResolvers<void>();
      await peer.respond("slow", async () => {
        asked.resolve();
        await new Promise(() => {});
      });
      await peer.respond("quick", async () => 1);
      const abort = new AbortController();
      const { signal } = abort;
      for (let i = 0; i < 20; i++) await bus.request("quick", i, { timeoutMs: 10_000, signal });
      await assert.rejects(bus.request("nobody", 1, { timeoutMs: 10_000, signal }), withId("BUS_NO_RESPONDER"));
      await assert.rejects(bus.request("slow", 1, { timeoutMs: 10, signal }), withId("BUS_TIMEOUT"));
      assert.deepEqual(getEventListeners(signal, "abort"), []);
      const waiting = bus.request("slow", 1, { timeoutMs: 3_600_000, signal });
      await asked.promise;
      const reason = new Error("enough");
      abort.abort(reason);
      await assert.rejects(waiting, (error) => error === reason);
      await assert.rejects(bus.request("quick", 1, { timeoutMs: 10_000, signal }), (error) => error === reason);
      assert.deepEqual(getEventListeners(signal, "abort"), []);
    });

    test("a responder's HeimdexError arrives as it was thrown, any other as INTERNAL", OPTIONS, async (t) => {
      const { bus, peer, errors } = await open(t);
      const thrown = new HeimdexError("NO_MODEL", "no such model", {
        help: "pull it",
        metadata: { model: "m" },
        fields: [{ field: "space", description: "unknown" }],
        retryAfterMs: 7,
      });
      await peer.respond("heimdex", async () => {
        throw thrown;
      });
      await peer.respond("other", () => {
        throw new TypeError("a slip");
      });
      await assert.rejects(bus.request("heimdex", 1, { timeoutMs: 10_000 }), (error) => {
        assert.ok(error instanceof HeimdexError);
        assert.notEqual(error, thrown);
        assert.deepEqual(error.toJSON(), thrown.toJSON());
        return true;
      });
      await assert.rejects(bus.request("other", 1, { timeoutMs: 10_000 }), (error) => {
        assert.ok(error instanceof HeimdexError && error.id === "INTERNAL");
        assert.match(error.message, /a slip/);
        return true;
      });
      assert.deepEqual(errors, []);
    });

    test("an answer that is no JSON rejects the request", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      await peer.respond("big", async () => 1n);
      await assert.rejects(bus.request("big", 1, { timeoutMs: 10_000 }), withId("INVALID_ARGUMENT"));
    });

    test("a payload of 1 MiB passes, more is refused", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      await peer.respond("echo", async (payload) => payload);
      const fits = "x".repeat(1024 * 1024 - 2);
      assert.equal(await bus.request("echo", fits, { timeoutMs: 10_000 }), fits);
      for (const payload of [`${fits}x`, "ü".repeat(600_000), 1n, () => {}]) {
        await assert.rejects(bus.publish("echo", payload), withId("INVALID_ARGUMENT"));
        await assert.rejects(bus.request("echo", payload, { timeoutMs: 10_000 }), withId("INVALID_ARGUMENT"));
      }
    });

    test("malformed subjects are refused", OPTIONS, async (t) => {
      const { bus } = await open(t);
      const refused = (call: Promise<unknown>) => assert.rejects(call, withId("INVALID_ARGUMENT"));
      for (const subject of ["", ".", "a.", ".a", "a..b", "a b", "a\n", "a*", "x".repeat(257)]) {
        await refused(bus.publish(subject, 1));
        await refused(bus.request(subject, 1, { timeoutMs: 1000 }));
        await refused(bus.subscribe(subject, () => {}));
        await refused(bus.respond(subject, async () => 1));
      }
      for (const subject of ["*", "a.*", "a.>"]) await refused(bus.publish(subject, 1));
      for (const pattern of [">.a", "a.>.b", "a>", "**"]) await refused(bus.subscribe(pattern, () => {}));
    });

    test("closing rejects what waits and all that comes later; twice is fine", OPTIONS, async (t) => {
      const { bus, peer } = await open(t);
      const asked = Promise.withResolvers<void>();
      await peer.respond("slow", async () => {
        asked.resolve();
        await new Promise(() => {});
      });
      const closed = withId("BUS_CLOSED");
      const waiting = assert.rejects(bus.request("slow", 1, { timeoutMs: 3_600_000 }), closed);
      await asked.promise;
      await bus[Symbol.asyncDispose]();
      await waiting;
      await bus[Symbol.asyncDispose]();
      await assert.rejects(bus.publish("x", 1), closed);
      await assert.rejects(bus.request("x", 1, { timeoutMs: 1000 }), closed);
      await assert.rejects(
        bus.subscribe("x", () => {}),
        closed,
      );
      await assert.rejects(
        bus.respond("x", async () => 1),
        closed,
      );
    });
  });
}
