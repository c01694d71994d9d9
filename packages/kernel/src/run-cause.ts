import { canonicalJson } from "./canonical-json.ts";
import type { ArtifactRef, Job, Step } from "./job.ts";
import { stepInputs } from "./reducer.ts";
import { keyedParts } from "./step-key.ts";

/** So much of a long value is shown. */
const MOST_SHOWN = 60;
const MOST_SETTINGS = 3;
/** Characters of a cause: job documents are bounded. */
const MOST_CHARACTERS = 500;

/** Why the cache has no result for a step: what in its key is other than in the asset's last job. Pure.
 * @param step with its key
 * @param before the asset's last job that ended well; undefined where there is none */
export function runCause(job: Job, step: Step, before: Job | undefined): string {
  return causeOf(job, step, before).slice(0, MOST_CHARACTERS);
}

function causeOf(job: Job, step: Step, before: Job | undefined): string {
  const last = before?.steps.find(({ stage }) => stage === step.stage);
  if (before === undefined || last === undefined) return "it has not run on this asset before";
  const changes = changesOf(job, step, before, last);
  if (changes.length > 0) return changes.join("; ");
  if (last.state === "FAILED") return `it failed before (${last.reason})`;
  if (last.key === "") return `it did not run before (${last.reason === "" ? last.state : last.reason})`;
  if (last.key !== step.key) return "the server's salt or the form of keys has changed";
  return "its known result is gone";
}

function changesOf(job: Job, step: Step, before: Job, last: Step): string[] {
  const [now, then] = [keyedParts(step), keyedParts(last)];
  const changes: string[] = [];
  if (now.behaviour !== then.behaviour)
    changes.push(
      `behaviour ${now.behaviour} instead of ${then.behaviour} (version ${step.version}, was ${last.version})`,
    );
  if (!isEqual(now.models, then.models)) changes.push(modelChange(step, last));
  changes.push(...settingChanges(step.config, last.config));
  if (!isEqual(now.outputs, then.outputs)) changes.push("it puts out other forms");
  // What was skipped has not looked at its inputs.
  if (last.key !== "") changes.push(...inputChanges(job, step, before, last));
  return changes;
}

function modelChange({ models: now }: Step, { models: then }: Step): string {
  const names = (models: Step["models"], others: Step["models"]) => {
    const ids = models
      .filter(({ id, sha256 }) => !others.some((other) => other.id === id && other.sha256 === sha256))
      .map(({ id, sha256 }) => `${id} (${sha256.slice(0, 12)})`);
    return ids.length === 0 ? "none" : ids.join(", ");
  };
  return `model ${names(now, then)} instead of ${names(then, now)}`;
}

function settingChanges(now: Step["config"], then: Step["config"]): string[] {
  const names = [...new Set([...Object.keys(now), ...Object.keys(then)])].sort();
  const changed = names.filter((name) => !isEqual(now[name] ?? null, then[name] ?? null));
  const shown = changed
    .slice(0, MOST_SETTINGS)
    .map((name) => `config.${name} ${valueText(now[name])} instead of ${valueText(then[name])}`);
  return changed.length > MOST_SETTINGS ? [...shown, `${changed.length - MOST_SETTINGS} more settings`] : shown;
}

function inputChanges(job: Job, step: Step, before: Job, last: Step): string[] {
  const [now, then] = [stepInputs(job, step), stepInputs(before, last)];
  const from = (of: Step, port: string) => {
    const binding = of.bindings.find((each) => each.port === port);
    return binding === undefined || binding.from === "" ? "" : `, from ${binding.from}`;
  };
  const digests = (artifacts: readonly ArtifactRef[] = []) => artifacts.map(({ sha256, name = "" }) => [sha256, name]);
  return [...new Set([...now.keys(), ...then.keys()])]
    .filter((port) => !isEqual(digests(now.get(port)), digests(then.get(port))))
    .map((port) => {
      if (!then.has(port)) return `there is an input ${port} now${from(step, port)}`;
      if (!now.has(port)) return `there is no input ${port} any more${from(last, port)}`;
      return `another input ${port}${from(step, port)}`;
    });
}

function valueText(value: unknown): string {
  const text = value === undefined ? "none" : canonicalJson(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}

function isEqual(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
