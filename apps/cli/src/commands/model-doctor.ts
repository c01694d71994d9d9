import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { checkModels } from "../doctor/check-models.ts";
import { printFindings } from "../doctor/print-findings.ts";

/** `models doctor`: reads every byte, changes nothing but the mark of a model that is found to be bad. */
export async function modelDoctor(context: Context): Promise<number | undefined> {
  const { data, env, signal } = context;
  return printFindings(context, await checkModels(dataRoot(data, env), env, true, signal));
}
