import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type AssetRecord, type CacheEntry, DEFAULT_RETRY_POLICY, type Job } from "@heimdex/kernel";
import { checkSidecar } from "@heimdex/sidecar";
import { TcpProxy } from "@heimdex/stage-kit";
import { randomOf } from "../crash/random.ts";
import { Host } from "./host.ts";
import { Worker } from "./worker.ts";

/** Faults drawn at most, and how long, ms: on a slow machine fewer have to do. */
const MOST_FAULTS = 24;
const LEAST_FAULTS = 8;
const LONG_ENOUGH_MS = 30_000;
const WORKERS = 2;

/** A worker behind a proxy, started again when it was killed. */
class Victim {
  worker: Worker;
  readonly proxy: TcpProxy;
  readonly #t: TestContext;

  private constructor(t: TestContext, proxy: TcpProxy) {
    this.#t = t;
    this.proxy = proxy;
    this.worker = Worker.start(t, proxy.address, { slots: 2 });
  }

  static async start(t: TestContext, port: number): Promise<Victim> {
    const proxy = await TcpProxy.listen(port);
    t.after(() => proxy[Symbol.asyncDispose]());
    return new Victim(t, proxy);
  }

  async replace(): Promise<void> {
    await this.worker.kill();
    this.worker = Worker.start(this.#t, this.proxy.address, { slots: 2 });
  }

  /** Nothing is wrong with it or its network any more. */
  heal(): void {
    this.worker.wake();
    this.proxy.disturb(undefined);
    this.proxy.release("to server");
    this.proxy.release("to client");
    this.proxy.accept();
  }
}

type Fault = (host: Host, victim: Victim, random: () => number) => Promise<void> | void;

/** Each lasts until it is healed, or until the next: several may come together. */
const FAULTS: Readonly<Record<string, Fault>> = {
  "a worker is killed": (_host, victim) => victim.replace(),
  "a worker is frozen": (_host, victim) => victim.worker.freeze(),
  "a network breaks": (_host, victim) => victim.proxy.cut(),
  "a network is away": (_host, victim) => victim.proxy.refuse(),
  "answers are held back, and lost": async (_host, victim, random) => {
    victim.proxy.hold("to client");
    await delay(random() * 500);
    victim.proxy.cut();
  },
  "calls are held back": (_host, victim) => victim.proxy.hold("to server"),
  "a network delays, halves and drops": (_host, victim, random) =>
    victim.proxy.disturb({ delayMs: 20, halve: true, drop: 0.05, random }),
  "the orchestrator is killed": async (host) => {
    await host.kill();
    await host.up();
  },
};

test("random faults, one upon the other: no job is lost, none is committed twice, the sidecar is what was committed", async (t) => {
  const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed: FAULTS_SEED=${seed}`);
  const random = randomOf(seed);
  // Every loss is this test's doing, and says nothing against the film.
  const retry = { ...DEFAULT_RETRY_POLICY, losses: 1_000, attempts: 1_000, baseMs: 10 };
  const host = await Host.start(t, { acceptWithinMs: 3_000, leaseTtlMs: 1_000, retry });
  const victims = await Promise.all(Array.from({ length: WORKERS }, () => Victim.start(t, host.port)));
  await host.untilServed("fault.film");
  const films = new Map<string, string>();
  const beganMs = performance.now();
  const names = Object.keys(FAULTS);
  let count = 0;
  while (count < MOST_FAULTS && (count < LEAST_FAULTS || performance.now() - beganMs < LONG_ENOUGH_MS)) {
    for (let film = 0; film < 2; film++) {
      const name = `film ${films.size}`;
      films.set(await host.index({ name, is: "slow", filler: random() < 0.5 ? 300_000 : 0 }), name);
    }
    const victim = victims[Math.floor(random() * WORKERS)] as Victim;
    const fault = names[Math.floor(random() * names.length)] as string;
    await FAULTS[fault]?.(host, victim, random);
    count++;
    await delay(random() * 600); // faults fall into work, whatever it is just doing
    if (random() < 0.5) for (const each of victims) each.heal();
  }
  for (const victim of victims) victim.heal();
  t.diagnostic(`${films.size} films, ${count} faults`);
  for (const job of films.keys()) await host.settled(job);

  const jobs = (await host.all<Job>("jobs")).map(({ body }) => body);
  assert.deepEqual(new Set(jobs.map(({ id }) => id)), new Set(films.keys()), "each job that was accepted, once");
  const cache = await host.all<CacheEntry>("cache");
  assert.equal(cache.length, jobs.length);
  for (const { id, version } of cache) assert.equal(version, 1, `${id} was committed once`);
  for (const { id, state, reason, asset, steps } of jobs) {
    assert.deepEqual([state, reason], ["SUCCEEDED", ""]);
    const [step] = steps;
    const committed = cache.find(({ body }) => body.job === id)?.body;
    assert.deepEqual([step?.state, step?.lease, step?.ending?.said], ["OK", undefined, "COMPLETED"]);
    assert.deepEqual(step?.outputs, committed?.outputs);
    const sidecar = await host.sidecar(asset);
    assert.deepEqual(checkSidecar(sidecar), []);
    const transcripts = sidecar.layers.filter(({ kind }) => kind === "transcript");
    const said = transcripts.flatMap(({ items }) => items.map((item) => (item as { text: string }).text));
    assert.deepEqual(
      said.map((text) => text.replace(/\.+$/, "")),
      [films.get(id)],
    );
  }
  const assets = (await host.all<AssetRecord>("assets")).map(({ body }) => body);
  for (const { title, sidecarRevision } of assets) assert.equal(sidecarRevision, 1, `${title} has one sidecar`);
  await host.until(async () => (await host.blobs.usage("default")).uploads === 0, "no upload is left behind");
});
