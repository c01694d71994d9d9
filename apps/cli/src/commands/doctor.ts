import { listModels } from "@heimdex/models";
import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { checkData, checkPorts } from "../doctor/check-data.ts";
import { checkFfmpeg, checkNode, checkPocketSphinx } from "../doctor/check-tools.ts";
import { type Finding, ok, problem } from "../doctor/finding.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { paintState } from "../ui/state.ts";
import { printable, table } from "../ui/text.ts";

/** `doctor`: changes nothing. */
export async function doctor(context: Context): Promise<number | undefined> {
  const { terminal, env, signal } = context;
  const root = dataRoot(context.data, env);
  const findings: Finding[] = [
    checkNode(),
    ...(await checkFfmpeg(env, signal)),
    checkPocketSphinx(env),
    ...(await checkModels()),
    ...(await checkPorts(root)),
    ...(await checkData(root)),
  ];
  const well = findings.every(({ state }) => state !== "PROBLEM");
  terminal.document({ ok: well, checks: findings });
  for (const [at, row] of table(
    findings.map(({ check, state, found }) => [paintState(state, terminal.style), check, printable(found)]),
  ).entries()) {
    terminal.line(row);
    const next = findings[at]?.next ?? "";
    if (next !== "") terminal.line(`         ${terminal.style.bold("next:")} ${printable(next)}`);
  }
  if (!well)
    terminal.note(
      `heimdex: ${findings.filter(({ state }) => state === "PROBLEM").length} of ${findings.length} checks found something missing`,
    );
  return well ? undefined : EXIT_FAILED;
}

async function checkModels(): Promise<Finding[]> {
  const bundled = (await listModels()).filter(({ profiles }) => profiles.includes("bundled"));
  return bundled.map(({ id, present, dir, stages }) =>
    present
      ? ok(`model ${id}`, dir)
      : problem(`model ${id}`, `missing; ${stages.join(", ")} cannot run without it`, `heimdex models pull ${id}`),
  );
}
