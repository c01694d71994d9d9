import {
  listModels as list,
  modelFolder,
  type PullEvent,
  type PulledModel,
  pullModels as pull,
  verifyModels as verify,
} from "@heimdex/models";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { bar } from "../ui/bar.ts";
import { bytes, printable, table } from "../ui/text.ts";

/** `models ls` */
export async function listModels({ terminal }: Context): Promise<undefined> {
  const models = await list();
  terminal.document({ folder: modelFolder(), models });
  const rows = models.map((model) => [
    terminal.style.bold(model.id),
    model.present ? terminal.style.good("present") : terminal.style.warn("missing"),
    bytes(model.size),
    model.profiles.join(", "),
    model.licence,
    model.purpose,
  ]);
  for (const row of table(rows, [2])) terminal.line(row);
  terminal.line(terminal.style.dim(`in ${printable(modelFolder())}`));
  const missing = models.filter(({ present, source }) => !present && !source.startsWith("system:"));
  if (missing.length > 0)
    terminal.note(`Fetch what is missing: heimdex models pull ${missing.map(({ id }) => id).join(" ")}`);
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
