import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { localOnly } from "../endpoint.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { readSettings, writeStageModels } from "../host/settings.ts";
import { isWell } from "../job-outcome.ts";
import { cancelOutdated, jobsFor, waitForModels } from "../models/apply-change.ts";
import { assumedModels, type ChangePlan, planChange, type StageWork } from "../models/change-plan.ts";
import { modelSettings } from "../models/model-setting.ts";
import { runJobs } from "../run-jobs.ts";
import { canAsk, confirm } from "../ui/confirm.ts";
import { count, printable, table } from "../ui/text.ts";
import { duration } from "../ui/time.ts";

/** `models use`: says what it would do, asks, does it. */
export async function useModel(
  context: Context,
  what: string,
  { yes = false }: { readonly yes?: boolean },
): Promise<number | undefined> {
  localOnly(context, "models use", "In a cluster HEIMDEX_STAGE_MODELS of its stages says it (docs/guides/cluster.md).");
  const { terminal, env, signal } = context;
  const root = dataRoot(context.data, env);
  const before = (await readSettings(root)).stage_models;
  const settings = modelSettings(what, before, env);
  const assumed = await assumedModels(settings);
  await using archive = await Archive.open(context, { needs: "everything" });
  await archive.ready();
  const changes = settings.filter(({ from, to }) => from !== to);
  const changed = new Set(changes.map(({ stage }) => stage));
  const concerned = changes.length === 0 ? new Set(settings.map(({ stage }) => stage)) : changed;
  const assumedAnew = assumed.filter(({ stage }) => changed.has(stage));
  const plan = await planChange(archive, concerned, assumedAnew, signal);
  // Where nothing is changed there is nothing to put together anew; what an earlier call did not come to do is done.
  const again = changes.length === 0 ? plan.sources : [...plan.sources, ...plan.cached];
  const { stages, sources, cached, missing } = plan;
  const answer = { changes, plan: { stages, assets: sources.length, cached: cached.length, missing } };
  for (const { stage, from, to } of changes)
    terminal.line(`${terminal.style.bold(stage)}  ${from || "no model"} -> ${terminal.style.good(to || "no model")}`);
  if (changes.length === 0) terminal.line(`Set to ${printable(what)} already.`);
  for (const line of planLines(plan)) terminal.line(line);
  if (changes.length === 0 && again.length === 0) {
    terminal.document({ ...answer, applied: true, results: [] });
    return undefined;
  }
  if (!yes && !(canAsk() && (await confirm("Go on?", signal)))) {
    terminal.document({ ...answer, applied: false, results: [] });
    terminal.note(`Nothing was changed. Go on with: heimdex models use ${printable(what)} --yes`);
    return undefined;
  }
  const models = { ...before };
  for (const { stage, to } of settings) {
    if (to === "") delete models[stage];
    else models[stage] = to;
  }
  await writeStageModels(root, models);
  if (changes.length > 0) terminal.note("Set. Waiting for the stages to come up with it...");
  await waitForModels(archive, assumed, signal);
  const outdated = changes.length === 0 ? [] : await cancelOutdated(archive, changed);
  if (outdated.length > 0)
    terminal.note(`${count(outdated.length, "job")} under way had the models of before: begun anew`);
  const outcomes = await runJobs(context, archive, jobsFor(archive, [...again, ...outdated]));
  terminal.document({ ...answer, applied: true, results: outcomes });
  return outcomes.every(({ state }) => isWell(state)) ? undefined : EXIT_FAILED;
}

function planLines({ stages, sources, cached, missing }: ChangePlan): string[] {
  const known = cached.length === 0 ? [] : [`${count(cached.length, "asset")} with results known from before.`];
  const gone =
    missing === 0
      ? []
      : [`${count(missing, "asset")} cannot be read now and will stay as ${missing === 1 ? "it is" : "they are"}.`];
  if (stages.length === 0) return ["No stage has to be run again.", ...known, ...gone];
  const rows = stages.map((work) => [`  ${work.stage}`, assetsOf(work), timeOf(work)]);
  const timed = stages.filter(({ samples }) => samples > 0);
  const total = timed.reduce((sum, { estimate_ms }) => sum + estimate_ms, 0);
  const untimed = stages.length - timed.length;
  return [
    `${count(sources.length, "asset")} would be run again:`,
    ...table(rows),
    timed.length === 0
      ? "How long that takes, no earlier run says."
      : `About ${duration(total)} of work${untimed === 0 ? "" : `, and ${count(untimed, "stage")} nobody has timed yet`}.`,
    ...known,
    ...gone,
  ];
}

function assetsOf({ assets, assets_perhaps: perhaps }: StageWork): string {
  const sure = assets === 0 ? [] : [`on ${count(assets, "asset")}`];
  const unsure = perhaps === 0 ? [] : [`on ${count(perhaps, "asset")} if what it reads changes`];
  return [...sure, ...unsure].join(", ");
}

const timeOf = ({ estimate_ms, samples }: StageWork) =>
  samples === 0
    ? "time unknown: no earlier run"
    : `about ${duration(estimate_ms)}, by ${count(samples, "earlier run")}`;
