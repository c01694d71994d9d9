import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { json, manifest } from "@heimdex/orchestrator/testing";
import { Host, LONG_LEASES } from "./host.ts";
import { startRogue } from "./rogue.ts";
import { Worker } from "./worker.ts";

const STAGE = "fault.film";

test("100 workers of one stage: each film is done by one of them, once", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  const processes = [1, 2].map(() => Worker.start(t, host.address, { sessions: 50 }));
  await host.untilServed(STAGE, 100);
  const names = Array.from({ length: 200 }, (_, at) => `crowd ${at}`);
  const jobs = await Promise.all(names.map((name) => host.index({ name, is: "done" })));
  for (const job of jobs) {
    const { state, steps } = await host.settled(job);
    assert.deepEqual([state, steps[0]?.epoch, steps[0]?.lost, steps[0]?.failures], ["SUCCEEDED", 1, 0, 0]);
  }
  const begun = processes.flatMap(({ heard }) => heard.filter(({ what }) => what === "begun").map(({ film }) => film));
  assert.deepEqual(begun.sort(), names.sort());
  const sessions = new Set((await host.all<{ job: string }>("cache")).map(({ body }) => body.job));
  assert.equal(sessions.size, jobs.length);
});

test("a stage whose registration flaps: nothing is skipped or lost, and what it left is done by the next", async (t) => {
  const host = await Host.start(t, { ...LONG_LEASES, acceptWithinMs: 1_000 });
  const steady = Worker.start(t, host.address);
  await host.untilServed(STAGE);
  const what = manifest("fault.other");
  const jobs: string[] = [];
  for (let turn = 0; turn < 6; turn++) {
    const flapping = await startRogue(t, host.address);
    for (let again = 0; again < 5; again++) {
      await flapping.register(what, { unavailableReason: "NO_MODEL", unavailableHelp: "Pull it." });
      await flapping.register(what);
    }
    jobs.push(await host.index({ name: `flap ${turn}`, is: "done" }));
    const lease = await flapping.lease();
    if (turn % 3 !== 0) await flapping.release(lease); // else it leaves without a word
    await flapping.kill();
  }
  const last = await startRogue(t, host.address);
  await last.register(what);
  for (const _ of jobs) {
    const lease = await last.lease();
    assert.equal((await last.complete(lease, [json("out", 1)])).result, "ACCEPTED");
  }
  for (const job of jobs) {
    const { state, steps } = await host.settled(job);
    assert.deepEqual([state, steps.map((step) => step.state)], ["SUCCEEDED", ["OK", "OK"]]);
  }
  assert.equal(steady.ended, false);
});

/** A worker that is started again whenever it dies, as a supervisor does. */
class Supervised {
  deaths = 0;
  #stopping = false;
  readonly #free = new Set<string>();
  #worker: Worker | undefined;

  static start(t: TestContext, address: string, slots: number): Supervised {
    const supervised = new Supervised();
    t.after(() => {
      supervised.#stopping = true;
    });
    void supervised.#live(t, address, slots);
    return supervised;
  }

  async #live(t: TestContext, address: string, slots: number): Promise<void> {
    while (!this.#stopping) {
      const worker = Worker.start(t, address, { slots });
      this.#worker = worker;
      for (const film of this.#free) worker.go(film);
      await worker.end();
      this.deaths++;
    }
  }

  /** Lets a film go on, whichever worker has it. */
  go(film: string): void {
    this.#free.add(film);
    this.#worker?.go(film);
  }
}

test("a file that kills every worker that touches it is set aside, and others go on before and after it", async (t) => {
  const host = await Host.start(t, { acceptWithinMs: 4_000, leaseTtlMs: 4_000 });
  const worker = Supervised.start(t, host.address, 1);
  await host.untilServed(STAGE);
  const before = await host.index({ name: "before", is: "done" });
  const killer = await host.index({ name: "killer", is: "kill" });
  const after = await host.index({ name: "after", is: "done" });
  const dead = await host.settled(killer);
  assert.equal(dead.state, "FAILED");
  assert.match(dead.reason, /^LOST_REPEATEDLY: /);
  assert.match(dead.help, /kill/);
  for (const job of [before, after]) assert.equal((await host.settled(job)).state, "SUCCEEDED");
  assert.equal(worker.deaths, 3);
});

test("files that are worked on beside one that kills their worker are not set aside with it", async (t) => {
  const host = await Host.start(t, { acceptWithinMs: 4_000, leaseTtlMs: 4_000 });
  const worker = Supervised.start(t, host.address, 3);
  await host.untilServed(STAGE);
  const beside: string[] = [];
  const two = async (turn: number) => {
    for (const name of [`${turn} a`, `${turn} b`]) beside.push(await host.index({ name, is: "wait" }));
  };
  await two(0);
  const killer = await host.index({ name: "killer", is: "kill" });
  for (const lost of [1, 2]) {
    await host.untilStep(killer, (step) => step.lost === lost, `the killer has killed ${lost} times`);
    await two(lost); // at work when it is had again
    for (const name of [`${lost - 1} a`, `${lost - 1} b`]) worker.go(name);
  }
  assert.match((await host.settled(killer)).reason, /^LOST_REPEATEDLY: /);
  for (const name of ["2 a", "2 b"]) worker.go(name);
  for (const job of beside) {
    const { state, steps } = await host.settled(job);
    assert.equal(state, "SUCCEEDED");
    assert.ok((steps[0]?.lost ?? 0) <= 1, "it shared its worker with the killer once");
  }
  assert.equal(worker.deaths, 3);
});
