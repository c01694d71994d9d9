import { availableParallelism } from "node:os";
import { EngineError, modelFailure } from "@heimdex/engine";
import { chosenModel, type LocatedModel, locateModel } from "@heimdex/models";
import type { Capability } from "@heimdex/stage-sdk";
import { StageFailure } from "@heimdex/stage-sdk/failure";

export type PresentModel = Extract<LocatedModel, { available: true }>;

/** The model a stage is set to, if it is there. */
export async function modelInUse(stage: string): Promise<LocatedModel> {
  const id = chosenModel(stage);
  if (id !== undefined) return locateModel(id);
  return {
    available: false,
    reason: "NO_MODEL",
    help: `${stage} is set to no model: \`heimdex models use\` sets one.`,
  };
}

/** The same, for an attempt. @throws StageFailure TERMINAL NO_MODEL */
export async function needModel(stage: string): Promise<PresentModel> {
  const located = await modelInUse(stage);
  if (located.available) return located;
  throw new StageFailure("TERMINAL", located.reason, `The model of ${stage} is gone.`, { help: located.help });
}

/** Whether the model's engine starts here, for a stage's probe. */
export async function probeEngine(
  stage: string,
  engine: { start(model: PresentModel, signal: AbortSignal): Promise<void> },
  signal: AbortSignal,
): Promise<Capability> {
  const located = await modelInUse(stage);
  if (!located.available) return located;
  try {
    await engine.start(located, signal);
  } catch (error) {
    signal.throwIfAborted();
    const failure = modelFailure(located.id, error);
    if (failure instanceof StageFailure && failure.reason === "MODEL_UNUSABLE") {
      return { available: false, reason: failure.reason, help: `${failure.message} ${failure.help}` };
    }
    const message = failure instanceof Error ? failure.message : String(failure);
    return { available: false, reason: "ENGINE_FAILED", help: `${stage} cannot start here: ${message}` };
  }
  return { available: true, models: [{ id: located.id, sha256: located.sha256, licence: located.licence }] };
}

/** Threads of one inference: half the cores, as speech, decoding and embedding run beside it. */
export const defaultThreads = () => Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));

/** Path of a model's file by its name in the manifest. @throws EngineError MODEL_UNUSABLE where there is none */
export function modelFile(model: string, files: Readonly<Record<string, string>>, name: string): string {
  const path = files[name];
  if (path === undefined) throw new EngineError("MODEL_UNUSABLE", `The model ${model} has no file ${name}.`);
  return path;
}
