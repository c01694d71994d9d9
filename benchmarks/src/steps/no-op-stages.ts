import { type AnyStage, defineStage, json, source } from "@heimdex/stage-sdk";
import { z } from "zod";

/** Steps of one job. */
export const STEPS = 6;

/** `chain`: each step takes what the one before put out, as far apart as steps can be. `fan`: all read the source and are ready at once. */
export type Shape = "chain" | "fan";

const note = z.object({ of: z.string() });
const schemaOf = (step: number) => `org.example.bench.note-${step}`;

/** Stages that do nothing but pass on the digest of what they were given, so that no two assets ever share a step key. */
export function noOpStages(shape: Shape, slots: number): AnyStage[] {
  return Array.from({ length: STEPS }, (_, step): AnyStage => {
    const facts = {
      name: `bench.step-${step + 1}`,
      version: "1.0.0",
      behaviour: 1,
      description: "Does nothing",
      outputs: { note: json(schemaOf(step), note) },
      slots,
    };
    if (step === 0 || shape === "fan")
      return defineStage({
        ...facts,
        inputs: { source: source() },
        run: async ({ inputs }) => ({ note: { of: inputs.source.sha256 } }),
      });
    return defineStage({
      ...facts,
      inputs: { before: json(schemaOf(step - 1), note) },
      run: async ({ inputs }) => ({ note: { of: inputs.before.sha256 } }),
    });
  });
}
