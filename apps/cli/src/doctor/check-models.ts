import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HeimdexError } from "@heimdex/errors";
import {
  chosenModel,
  locateModel,
  MODELS,
  type ModelEntry,
  modelEntry,
  STAGE_MODELS_VARIABLE,
  verifyModels,
} from "@heimdex/models";
import { readSettings, stageModelsVariable } from "../host/settings.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

/** Modules that a runtime loads; native ones may be built for another system. */
const RUNTIME_MODULES: Readonly<Record<ModelEntry["runtime"], readonly string[]>> = {
  onnxruntime: ["onnxruntime-node"],
  "transformers.js": ["@huggingface/transformers"],
  "tfjs-wasm": ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
  "sherpa-onnx": ["sherpa-onnx-node"],
  pocketsphinx: [],
  heimdex: [],
};
/** Where the modules are looked for: a runtime belongs to the service whose engine it is. */
const SERVICES = ["stage-vision", "stage-asr", "stage-embed"].map((name) =>
  fileURLToPath(new URL(`../../../../services/${name}/src/`, import.meta.url)),
);
const LOADED_WITHIN_MS = 60_000;

/** Each stage's model and what helps it: is it there, and does what runs it load.
 * @param thorough reads every byte of the models, too */
export async function checkModels(
  root: string,
  env: NodeJS.ProcessEnv,
  thorough: boolean,
  signal: AbortSignal,
): Promise<Finding[]> {
  let set: Record<string, string>;
  try {
    set = { [STAGE_MODELS_VARIABLE]: stageModelsVariable((await readSettings(root)).stage_models, env) };
  } catch (reason) {
    const error = HeimdexError.from(reason);
    return [problem("settings", error.message, error.help)];
  }
  const loads = new Map<string, Promise<string>>();
  const findings: Finding[] = [];
  for (const stage of [...new Set(MODELS.flatMap(({ stages }) => stages))].sort()) {
    const check = `model of ${stage}`;
    let chosen: string | undefined;
    try {
      chosen = chosenModel(stage, set);
    } catch (reason) {
      const error = HeimdexError.from(reason);
      findings.push(problem(check, error.message, error.help));
      continue;
    }
    if (chosen === undefined) {
      const first = MODELS.find(({ stages, choice }) => choice !== false && stages.includes(stage));
      findings.push(
        warning(
          check,
          "none: the bundled profile has none for it, and it is left out",
          `heimdex models pull ${first?.id} && heimdex models use ${stage}=${first?.id}`,
        ),
      );
      continue;
    }
    const helpers = MODELS.filter(({ stages, choice }) => choice === false && stages.includes(stage));
    for (const entry of [modelEntry(chosen), ...helpers]) {
      findings.push(await checkModel(entry.id === chosen ? check : `${check}, help`, entry, thorough, loads, signal));
    }
  }
  return findings;
}

async function checkModel(
  check: string,
  entry: ModelEntry,
  thorough: boolean,
  loads: Map<string, Promise<string>>,
  signal: AbortSignal,
): Promise<Finding> {
  const { id, runtime } = entry;
  const located = await locateModel(id);
  if (!located.available) return problem(check, `${id} is missing`, located.help);
  if (thorough) {
    const [verified] = await verifyModels(id, { signal });
    const bad = verified?.bad[0];
    if (bad !== undefined) return problem(check, `${id}: ${bad.file}: ${bad.problem}`, `heimdex models pull ${id}`);
  }
  const loading = loads.get(runtime) ?? loadError(RUNTIME_MODULES[runtime], signal);
  loads.set(runtime, loading);
  const error = await loading;
  if (error !== "")
    return problem(
      check,
      `${id} is there, but ${runtime} does not load: ${error}`,
      "Run `make setup` again; if it says the same, the system has no build of it.",
    );
  const verified = thorough && entry.source.kind !== "system" ? ", every byte as recorded" : "";
  return ok(check, `${id}${verified}, ${located.dir}`);
}

/** In a process of its own: native code that crashes takes that one along. "" when all is well. */
async function loadError(modules: readonly string[], signal: AbortSignal): Promise<string> {
  if (modules.length === 0) return "";
  const program = modules.map((name) => `await import(${JSON.stringify(name)});`).join("");
  let said = "";
  for (const cwd of SERVICES) {
    try {
      await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
        cwd,
        timeout: LOADED_WITHIN_MS,
        signal,
      });
      return "";
    } catch (reason) {
      signal.throwIfAborted();
      const { stderr = "", message } = reason as Error & { stderr?: string };
      said ||= /^\w*Error.*$/m.exec(stderr)?.[0] ?? message.split("\n")[0] ?? "";
    }
  }
  return said;
}
