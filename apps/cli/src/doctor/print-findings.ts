import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { paintState } from "../ui/state.ts";
import { printable, table } from "../ui/text.ts";
import type { Finding } from "./finding.ts";

/** Prints what checks found, and what to do next; answers the exit code. */
export function printFindings({ terminal }: Context, findings: readonly Finding[]): number | undefined {
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
