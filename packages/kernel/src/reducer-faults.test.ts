import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_RETRY_POLICY } from "./backoff.ts";
import type { Effect, Failure, JobEvent } from "./event.ts";
import { lease, queued, STAGES } from "./job.fixture.ts";
import { type Fence, isFinal, type Job, jobEnded, type Step } from "./job.ts";
import { planSteps } from "./planner.ts";
import { reduce } from "./reducer.ts";

const config = { retry: DEFAULT_RETRY_POLICY, salt: "" };
/** Beyond every pause. */
const LATER_MS = 10 * 60_000;

/** What may happen to a job. `who` picks one of all leases ever given: the present one, or one that is long over. */
type Fault =
  | { readonly kind: "grant"; readonly stage: number }
  | { readonly kind: "finish" | "release" | "lose"; readonly who: number }
  | { readonly kind: "fail"; readonly who: number; readonly as: Failure["kind"] }
  /** The answer was lost: the same is said again. */
  | { readonly kind: "repeat"; readonly who: number }
  | { readonly kind: "cancel" };

const who = fc.nat(30);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("grant" as const), stage: fc.nat(STAGES.length - 1) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom("finish", "release", "lose"), who }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("fail" as const),
      who,
      as: fc.constantFrom("RETRYABLE", "TERMINAL", "INPUT_REJECTED", "RESOURCE"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("repeat" as const), who }) },
  { weight: 1, arbitrary: fc.constant({ kind: "cancel" as const }) },
);

/** A job, all leases ever given for it, and everything the reducer asked to be done. */
class Play {
  job: Job;
  readonly given: { readonly stage: string; readonly fence: Fence }[] = [];
  readonly effects: Effect[] = [];
  readonly #said: JobEvent[] = [];
  #atMs = 0;

  constructor() {
    this.job = queued();
    this.#apply({
      kind: "planned",
      atMs: 1,
      asset: "a_1",
      fingerprint: "f",
      sourceSize: 9,
      sourceModifiedMs: 1,
      neighbours: [],
      steps: planSteps(STAGES),
    });
  }

  suffer(what: Fault): void {
    this.#atMs += LATER_MS;
    if (what.kind === "cancel") this.#apply({ kind: "cancel", atMs: this.#atMs });
    else if (what.kind === "grant") this.grant(STAGES[what.stage]?.manifest.name ?? "");
    else if (what.kind === "repeat") {
      const again = this.#said.at(what.who % Math.max(1, this.#said.length));
      if (again !== undefined) this.#apply({ ...again, atMs: this.#atMs });
    } else {
      const held = this.given.at(what.who % Math.max(1, this.given.length));
      if (held !== undefined) this.end(held, what);
    }
  }

  grant(stage: string): void {
    const step = this.step(stage);
    const given = lease(stage, step.epoch + 1);
    const before = this.job;
    this.#apply({ kind: "leased", atMs: this.#atMs, stage, lease: given, worker: "w", device: "cpu" });
    if (this.job !== before) this.given.push({ stage, fence: { lease: given.id, epoch: given.epoch } });
  }

  end({ stage, fence }: { stage: string; fence: Fence }, what: Fault & { readonly who: number }): void {
    const common = { atMs: this.#atMs, stage, fence };
    const cost = { wallMs: 1, cpuMs: 1 };
    const event = ((): JobEvent => {
      if (what.kind === "release") return { kind: "released", ...common };
      if (what.kind === "lose") return { kind: "lost", ...common };
      if (what.kind === "fail") {
        const words = { reason: "BROKEN", message: "it broke", help: "", logTail: "" };
        const failure = { kind: what.as, ...words, retryAfterMs: undefined };
        return { kind: "failed", ...common, ...cost, failure, random: 0.5 };
      }
      // Each attempt's output is its own: what is kept tells whose it was.
      const outputs = this.step(stage).outputPorts.map(({ name, mediaType }) => ({
        port: name,
        mediaType,
        sha256: fence.lease,
        size: 1,
      }));
      const facts = { has_audio: true, has_video: true, has_subtitles: false, duration_ms: 1 };
      return {
        kind: "finished",
        ...common,
        ...cost,
        outputs,
        empty: false,
        partial: "",
        facts: stage === "t.probe" ? facts : undefined,
      };
    })();
    this.#said.push(event);
    const step = this.step(stage);
    const isHeld = step.state === "LEASED" && step.lease?.id === fence.lease && step.lease.epoch === fence.epoch;
    const { job } = this;
    this.#apply(event);
    if (!isHeld) assert.equal(this.job, job, "only who holds the lease changes anything");
  }

  step(stage: string): Step {
    const step = this.job.steps.find((one) => one.stage === stage);
    assert.ok(step);
    return step;
  }

  /** Applies an event; looks that it asks for are misses. */
  #apply(event: JobEvent): void {
    const before = this.job;
    const { job, effects, applied } = reduce(this.job, event, config);
    assert.equal(applied, job !== before);
    this.job = job;
    this.effects.push(...effects);
    for (const step of job.steps) {
      const was = before.steps.find((one) => one.stage === step.stage);
      const isOffered = effects.some((effect) => effect.kind === "offer" && effect.stage === step.stage);
      if (step.state === "READY" && was?.state !== "READY") assert.ok(isOffered, `${step.stage} is offered to workers`);
      const isAsked = effects.some((effect) => effect.kind === "look-up" && effect.stage === step.stage);
      if (step.key !== "" && was?.key === "") assert.ok(isAsked, `${step.stage} is looked up`);
    }
    for (const effect of effects)
      if (effect.kind === "look-up")
        this.#apply({ kind: "looked-up", atMs: event.atMs, stage: effect.stage, key: effect.key, hit: undefined });
  }

  /** What an orchestrator does with a job when nothing goes wrong any more. */
  heal(): void {
    for (let turns = 0; !jobEnded(this.job.state); turns++) {
      assert.ok(turns < 10 * STAGES.length, "the job comes to its end");
      this.#atMs += LATER_MS;
      for (const { stage, state } of this.job.steps) {
        if (state === "READY") this.grant(stage);
        const held = this.given.findLast((one) => one.stage === stage);
        if (this.step(stage).state === "LEASED" && held !== undefined) this.end(held, { kind: "finish", who: 0 });
      }
    }
  }
}

test("whatever workers do, no job is lost, nothing is committed twice, and every end has a reason", () => {
  fc.assert(
    fc.property(fc.array(fault, { maxLength: 80 }), (faults) => {
      const play = new Play();
      for (const one of faults) play.suffer(one);
      play.heal();
      const { job, effects } = play;
      assert.ok(job.steps.every(({ state }) => isFinal(state)));
      assert.equal(effects.filter(({ kind }) => kind === "settle").length, 1, "its sidecar is written once");
      const kept = effects.flatMap((effect) => (effect.kind === "remember" ? [effect] : []));
      const done = job.steps.filter(({ state }) => state === "OK");
      assert.deepEqual(
        kept.map(({ entry }) => [entry.stage, entry.outputs]).sort(),
        done.map(({ stage, outputs }) => [stage, outputs]).sort(),
        "what the sidecar is made of is what was committed, once",
      );
      for (const { outputs, ending } of done)
        for (const { sha256 } of outputs) assert.equal(sha256, ending?.lease, "and it is of the attempt that counts");
      for (const { state, reason } of job.steps) if (state !== "OK") assert.match(reason, /^[A-Z_]+: /);
      if (job.state !== "SUCCEEDED" && job.state !== "CANCELLED") assert.match(job.reason, /^[A-Z_]+: /);
    }),
    { numRuns: 500 },
  );
});
