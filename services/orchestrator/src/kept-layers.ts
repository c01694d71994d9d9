import type { Job, Step } from "@heimdex/kernel";
import type { Layer, LayerOf, Run, Sidecar } from "@heimdex/sidecar";

/** Reasons that say something of the asset or of the user's will. Any other step that was skipped only could not run this time. */
const ANSWERS = /^(NO_AUDIO|NO_VIDEO|NO_SUBTITLES|CONDITION|INPUT_ABSENT|DISABLED)\b/;

/** Id of a stage's newest run: layers name it. */
export function runId(stage: string): string {
  return `run_${stage}`;
}

/** Whether the id is of the stage's newest run or of an earlier one that was kept. */
export function isRunOf(id: string, stage: string): boolean {
  return id === runId(stage) || id.startsWith(`${runId(stage)}@`);
}

/** What of the revision before stands beside the layers of this job, with the runs it came from. Pure.
 * - What no stage of this job answers for: another tool's, a person's, a retired stage's.
 * - What a stage made before, where it could not run this time: its newest run then says so, and the earlier run keeps its layers under an id of its own.
 * - Vectors in a space that serves, while the stage fills another: the index can be built from sidecars at any time.
 * @param own the layers that this job's steps put out
 * @param serving ids of the spaces that answer searches */
export function keptLayers(
  job: Job,
  previous: Sidecar | undefined,
  own: readonly Layer[],
  serving: ReadonlySet<string>,
): { readonly runs: Run[]; readonly layers: Layer[] } {
  const runs: Run[] = [];
  const layers: Layer[] = [];
  for (const run of previous?.runs ?? []) {
    const step = job.steps.find(({ stage }) => isRunOf(run.id, stage));
    const made = (previous?.layers ?? []).filter((layer) => layer.run === run.id);
    if (step === undefined) {
      runs.push(run);
      layers.push(...made);
      continue;
    }
    const fresh = own.filter((layer) => layer.run === runId(step.stage));
    const kept = couldNotRun(step) ? made : made.filter((layer) => isServed(layer, fresh, serving));
    if (kept.length === 0) continue;
    const id = run.id === runId(step.stage) ? keptRunId(run) : run.id;
    runs.push({ ...run, id, kept: true });
    layers.push(...kept.map((layer) => ({ ...layer, run: id })));
  }
  return { runs, layers };
}

/** Of one step key there is one result, so the id is as good as the key. */
function keptRunId({ stage, key, behaviour }: Run): string {
  return `${runId(stage)}@${key?.slice(0, 12) ?? behaviour}`;
}

function couldNotRun({ state, reason }: Step): boolean {
  return state === "FAILED" || (state === "SKIPPED" && !ANSWERS.test(reason));
}

/** Vectors that are searched, when the same stage now puts its vectors, or word that there are none, elsewhere. */
function isServed(layer: Layer, fresh: readonly Layer[], serving: ReadonlySet<string>): boolean {
  const space = spaceOf(layer);
  if (space === undefined || layer.items.length === 0 || !serving.has(space)) return false;
  const spaces = fresh.flatMap((other) => spaceOf(other) ?? []);
  return spaces.length > 0 && !spaces.includes(space);
}

function spaceOf(layer: Layer): string | undefined {
  return layer.kind === "embeddings" ? (layer as LayerOf<"embeddings">).space?.id : undefined;
}
