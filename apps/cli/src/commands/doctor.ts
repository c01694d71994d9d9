import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { checkData, checkPorts } from "../doctor/check-data.ts";
import { checkModels } from "../doctor/check-models.ts";
import { checkFfmpeg, checkNode, checkPocketSphinx } from "../doctor/check-tools.ts";
import { printFindings } from "../doctor/print-findings.ts";

/** `doctor`: changes nothing. */
export async function doctor(context: Context): Promise<number | undefined> {
  const { env, signal } = context;
  const root = dataRoot(context.data, env);
  return printFindings(context, [
    checkNode(),
    ...(await checkFfmpeg(env, signal)),
    checkPocketSphinx(env),
    ...(await checkModels(root, env, false, signal)),
    ...(await checkPorts(root)),
    ...(await checkData(root)),
  ]);
}
