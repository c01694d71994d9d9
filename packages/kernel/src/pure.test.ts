import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs, DEFAULT_RETRY_POLICY } from "./backoff.ts";
import { canonicalJson } from "./canonical-json.ts";
import { leaseHolds } from "./lease-holds.ts";
import { stepKey } from "./step-key.ts";

const lease = { id: "l-2", epoch: 7, expiresAtMs: 1_000, session: "s", requestId: "", grantedAtMs: 0, spanId: "" };
for (const [name, held, renewedUntilMs, nowMs, want] of [
  ["last millisecond", { lease: "l-2", epoch: 7 }, 0, 999, true],
  ["the instant it ends", { lease: "l-2", epoch: 7 }, 0, 1_000, false],
  ["renewed by its session", { lease: "l-2", epoch: 7 }, 2_000, 1_500, true],
  ["an older attempt, late", { lease: "l-1", epoch: 7 }, 2_000, 500, false],
  ["an older epoch", { lease: "l-2", epoch: 6 }, 2_000, 500, false],
] as const) {
  test(`leaseHolds: ${name}`, () => assert.equal(leaseHolds(lease, held, renewedUntilMs, nowMs), want));
}

test("canonicalJson: order of keys does not matter, and it parses back", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      assert.equal(canonicalJson(value), canonicalJson(reversed));
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});
test("canonicalJson: refuses what JSON cannot hold", () => {
  assert.throws(() => canonicalJson({ a: Number.NaN }), TypeError);
  assert.throws(() => canonicalJson(() => 1), TypeError);
});

test("backoff: between half the ceiling and the ceiling, never above the cap", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const ceiling = Math.min(60_000, 1000 * 2 ** (failures - 1));
      const pause = backoffMs(DEFAULT_RETRY_POLICY, failures, random);
      assert.ok(pause >= Math.floor(ceiling / 2) && pause <= ceiling);
    }),
  );
});

const base = { stage: "t.a", behaviour: 1, models: [], config: { x: 1 }, outputPorts: [] } as const;
const input = (sha256: string) => new Map([["in", [{ port: "out", mediaType: "a/b", sha256, size: 1 }]]]);
const key = stepKey("default", base, input("1"), "");
for (const [name, other] of [
  ["tenant", stepKey("another", base, input("1"), "")],
  ["behaviour", stepKey("default", { ...base, behaviour: 2 }, input("1"), "")],
  ["model", stepKey("default", { ...base, models: [{ id: "m", sha256: "d", licence: "" }] }, input("1"), "")],
  ["config", stepKey("default", { ...base, config: { x: 2 } }, input("1"), "")],
  ["input", stepKey("default", base, input("2"), "")],
  ["salt", stepKey("default", base, input("1"), "s")],
] as const) {
  test(`stepKey: another ${name}, another key`, () => assert.notEqual(other, key));
}
test("stepKey: the SHA-256 of the canonical JSON of all its parts, also of a step that is asked for again", () => {
  const texts = fc.string();
  const model = fc.record({ id: texts, sha256: texts, licence: texts });
  const step = fc.record({
    stage: texts,
    behaviour: fc.nat(),
    models: fc.array(model, { maxLength: 3 }),
    config: fc.dictionary(texts, fc.jsonValue() as fc.Arbitrary<unknown>, { maxKeys: 4 }),
  });
  const port = { name: "out", mediaType: "a/b", schema: "c", major: 2, many: false, optional: false, layerSchema: "" };
  const outputPorts = [port];
  fc.assert(
    fc.property(texts, step, texts, texts, texts, (tenant, made, sha256, name, salt) => {
      const inputs = new Map([
        [
          "in",
          [
            { port: "out", mediaType: "a/b", sha256, size: 1, name },
            { port: "out", mediaType: "a/b", sha256, size: 1 },
          ],
        ],
      ]);
      const value = {
        ...{ schema: 1, tenant, stage: made.stage, behaviour: made.behaviour, config: made.config, salt },
        models: made.models.map(({ id, sha256: digest }) => `${id}@${digest}`).sort(),
        inputs: {
          in: [
            [sha256, name],
            [sha256, ""],
          ],
        },
        outputs: ["out a/b c/2"],
      };
      const want = createHash("sha256").update(canonicalJson(value)).digest("hex");
      // The list of ports is the same for every step: what is remembered of one must not be taken for another's.
      assert.equal(stepKey(tenant, { ...made, outputPorts }, inputs, salt), want);
      assert.equal(stepKey(tenant, { ...made, outputPorts }, inputs, salt), want);
    }),
  );
});

test("stepKey: a model's licence is no part of it", () => {
  const model = (licence: string) =>
    stepKey("default", { ...base, models: [{ id: "m", sha256: "d", licence }] }, input("1"), "");
  assert.equal(model("MIT"), model("Apache-2.0"));
});
