import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import fc from "fast-check";
import { STAGES, stage } from "./job.fixture.ts";
import { planSteps } from "./planner.ts";

const refusal = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;

test("steps follow what they take from, whatever order the stages came in", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...STAGES], { minLength: STAGES.length }), (stages) => {
      const steps = planSteps(stages);
      assert.deepEqual(
        steps.map((step) => step.stage),
        ["t.probe", "t.shots", "t.text", "t.words", "t.embed"],
      );
      for (const [index, step] of steps.entries()) {
        for (const before of step.after)
          assert.ok(
            steps.slice(0, index).some((other) => other.stage === before),
            `${before} before ${step.stage}`,
          );
      }
    }),
  );
});

test("a stage with conditions waits for the stage that gives the facts", () => {
  const words = planSteps(STAGES).find((step) => step.stage === "t.words");
  assert.deepEqual(words?.after, ["t.probe", "t.shots"]);
});

test("a required input that nobody puts out skips the step and says so; an optional one does not", () => {
  const steps = planSteps([
    stage("t.lonely", ["x: t.absent"], ["y: t.y"]),
    stage("t.modest", ["x?: t.absent", "source: heimdex.source"], ["z: t.z"]),
  ]);
  assert.match(steps.find((step) => step.stage === "t.lonely")?.reason ?? "", /^NO_PRODUCER: .*t\.absent\/1/);
  assert.equal(steps.find((step) => step.stage === "t.modest")?.state, "WAITING");
});

test("an unavailable stage stands in the plan with its reason, a retired one does not", () => {
  const unavailable = {
    ...stage("t.a", ["source: heimdex.source"], ["x: t.x"]),
    state: "UNAVAILABLE",
    reason: "NO_MODEL",
    help: "pull it",
  } as const;
  const retired = { ...stage("t.b", ["source: heimdex.source"], ["y: t.y"]), state: "RETIRED" } as const;
  const steps = planSteps([unavailable, retired]);
  assert.deepEqual(
    steps.map(({ stage: name, state, reason, help }) => [name, state, reason, help]),
    [["t.a", "SKIPPED", "NO_MODEL: no worker here can run t.a", "pull it"]],
  );
});

test("two producers of one port are refused, naming both, until the configuration chooses", () => {
  const two = [
    stage("t.a", ["source: heimdex.source"], ["x: t.x"]),
    stage("t.b", ["source: heimdex.source"], ["x: t.x"]),
    stage("t.c", ["x: t.x"], ["y: t.y"]),
  ];
  assert.throws(
    () => planSteps(two),
    (reason) => refusal("STAGE_AMBIGUOUS")(reason) && /t\.a and t\.b/.test(String(reason)),
  );
  const chosen = planSteps(two, { stages: {}, producers: { "t.x/1": "t.b" } });
  assert.equal(chosen.find((step) => step.stage === "t.c")?.bindings[0]?.from, "t.b");
});

test("a cycle is refused, naming its way", () => {
  const cycle = [stage("t.a", ["y: t.y"], ["x: t.x"]), stage("t.b", ["x: t.x"], ["y: t.y"])];
  assert.throws(
    () => planSteps(cycle),
    (reason) => refusal("STAGE_CYCLE")(reason) && /t\.a -> t\.b -> t\.a/.test(String(reason)),
  );
});

test("another major of a schema does not match", () => {
  const [producer, consumer] = [
    stage("t.a", ["source: heimdex.source"], ["x: t.x"]),
    stage("t.b", ["x: t.x"], ["y: t.y"]),
  ];
  const newer = {
    ...consumer,
    manifest: { ...consumer.manifest, inputs: consumer.manifest.inputs.map((port) => ({ ...port, major: 2 })) },
  };
  assert.match(planSteps([producer, newer]).find((step) => step.stage === "t.b")?.reason ?? "", /^NO_PRODUCER/);
});

test("configuration overrides the schema's defaults property by property", () => {
  const schema = JSON.stringify({ type: "object", properties: { a: { default: 1 }, b: { default: "x" }, c: {} } });
  const record = stage("t.a", ["source: heimdex.source"], ["x: t.x"], { configSchema: schema });
  assert.deepEqual(planSteps([record], { stages: { "t.a": { b: "y" } }, producers: {} })[0]?.config, { a: 1, b: "y" });
});
