import { HeimdexError } from "@heimdex/errors";
import {
  choicesFor,
  listModels as list,
  modelFolder,
  type PullEvent,
  type PulledModel,
  pullModels as pull,
  removeModel as remove,
  verifyModels as verify,
} from "@heimdex/models";
import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { readSettings } from "../host/settings.ts";
import { stagesUsing } from "../models/model-setting.ts";
import { bar } from "../ui/bar.ts";
import { bytes, printable, table } from "../ui/text.ts";

/** `models ls` */
export async function listModels(context: Context): Promise<undefined> {
  const { terminal, env } = context;
  const { stage_models: settings } = await readSettings(dataRoot(context.data, env));
  const models = (await list()).map((model) => ({ ...model, chosen_for: stagesUsing(model.id, settings, env) }));
  terminal.document({ folder: modelFolder(), models });
  const rows = models.map((model) => [
    terminal.style.bold(model.id),
    model.present ? terminal.style.good("present") : terminal.style.warn("missing"),
    model.size === 0 ? "?" : bytes(model.size),
    model.profiles.join(", "),
    model.chosen_for.length > 0 ? `used by ${model.chosen_for.join(", ")}` : model.choice ? "" : "helps",
    model.licence,
    model.source,
  ]);
  for (const [at, row] of table(rows, [2]).entries()) {
    terminal.line(row);
    terminal.line(terminal.style.dim(`    ${models[at]?.purpose}`));
  }
  terminal.line(terminal.style.dim(`in ${printable(modelFolder())}`));
  const missing = models.filter(({ present, chosen_for }) => !present && chosen_for.length > 0);
  if (missing.length > 0)
    terminal.note(`Fetch what is used: heimdex models pull ${missing.map(({ id }) => id).join(" ")}`);
}

/** `models pull` */
export async function pullModels(
  { terminal, signal, env }: Context,
  what: readonly string[],
  { from }: { readonly from?: string },
): Promise<number | undefined> {
  const events = new Map<string, PullEvent>();
  const started = performance.now();
  const onProgress = (event: PullEvent): void => {
    const before = events.get(event.model);
    events.set(event.model, event);
    if (terminal.live !== undefined)
      terminal.live.show([...events.values()].map((each) => pullLine(each, performance.now() - started)));
    else if (event.phase !== before?.phase || event.problem !== before.problem)
      terminal.note(`${event.model}: ${printable(event.problem) || PHASES[event.phase]}${sizeOf(event)}`);
  };
  try {
    const models = await pull(what, { onProgress, signal, env, from });
    terminal.live?.close();
    terminal.document({ folder: modelFolder(), models });
    for (const { id, state, dir, help } of models)
      terminal.line(`${id}  ${PULLED[state]}  ${terminal.style.dim(printable(dir === "" ? help : dir))}`);
    return models.every(({ state }) => state === "MISSING") ? EXIT_FAILED : undefined;
  } finally {
    terminal.live?.close();
  }
}

const PULLED: Readonly<Record<PulledModel["state"], string>> = {
  PULLED: "fetched and verified",
  PRESENT: "was there already",
  MISSING: "is not fetched by Heimdex",
};
const PHASES: Readonly<Record<PullEvent["phase"], string>> = {
  waiting: "waits for another pull",
  fetching: "being fetched",
  unpacking: "being unpacked and checked",
  compacting: "being made small and checked",
  done: "done",
  present: "there already",
};
const BAR_CELLS = 24;

const sizeOf = ({ phase, total_bytes }: PullEvent) =>
  phase === "fetching" && total_bytes > 0 ? ` (${bytes(total_bytes)})` : "";

function pullLine(event: PullEvent, elapsedMs: number): string {
  const { model, phase, done_bytes, total_bytes } = event;
  const head = `${model.padEnd(26)}`;
  const what = `${printable(event.problem) || PHASES[phase]}${sizeOf(event)}`;
  // npm does not say how far it is: something that moves says that it is alive.
  if (phase === "fetching" && done_bytes === 0) {
    const at = Math.floor(elapsedMs / 250) % (BAR_CELLS - 3);
    return `${head}${"░".repeat(at)}███${"░".repeat(BAR_CELLS - 3 - at)} ${what}`;
  }
  const share = phase === "done" || phase === "present" ? 1 : total_bytes === 0 ? 0 : done_bytes / total_bytes;
  return `${head}${bar(share, BAR_CELLS)} ${what}`;
}

/** `models verify` */
export async function verifyModels(
  { terminal, signal }: Context,
  what: readonly string[],
): Promise<number | undefined> {
  const chosen = what.length > 0 ? what : (await list()).filter(({ present }) => present).map(({ id }) => id);
  const models = chosen.length === 0 ? [] : await verify(chosen, { signal });
  terminal.document({ folder: modelFolder(), models });
  if (models.length === 0) terminal.line("No model is there.");
  for (const { id, state, bad } of models) {
    terminal.line(`${id}  ${state === "OK" ? terminal.style.good(state) : terminal.style.bad(state)}`);
    for (const { file, problem } of bad) terminal.line(`    ${printable(file)}: ${printable(problem)}`);
  }
  const wrong = models.filter(({ state }) => state !== "OK");
  if (wrong.length > 0) terminal.note(`next: heimdex models pull ${wrong.map(({ id }) => id).join(" ")}`);
  return wrong.length > 0 || models.length === 0 ? EXIT_FAILED : undefined;
}

/** `models rm` */
export async function removeModels(context: Context, ids: readonly string[]): Promise<undefined> {
  const { terminal, env, signal } = context;
  const root = dataRoot(context.data, env);
  const { stage_models: settings } = await readSettings(root);
  // All are looked at before the first is removed.
  for (const id of ids) {
    const [stage] = stagesUsing(id, settings, env);
    if (stage === undefined) continue;
    const others = choicesFor(stage).filter((choice) => choice.id !== id);
    throw new HeimdexError("MODEL_IN_USE", `${stage} of ${root} uses ${id}`, {
      help:
        others.length === 0
          ? "It has no other model."
          : `Set it to another one first: \`heimdex models use ${stage}=${others[0]?.id}\`.`,
      metadata: { model: id, stage, data: root },
    });
  }
  const models = [];
  for (const id of ids) models.push(await remove(id, { signal }));
  terminal.document({ folder: modelFolder(), models });
  for (const { id, state } of models) terminal.line(`${id}  ${state === "REMOVED" ? "removed" : "was not there"}`);
}
