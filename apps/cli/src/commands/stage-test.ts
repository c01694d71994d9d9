import { stat } from "node:fs/promises";
import { CHECKS, type CheckResult, runKit } from "@heimdex/stage-kit";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import type { Style } from "../ui/style.ts";
import { printable } from "../ui/text.ts";
import { UsageError } from "../usage-error.ts";

interface StageTestOptions {
  readonly stage?: string;
  readonly input?: readonly string[];
  readonly check?: readonly string[];
}

const WORDS = { passed: "ok", failed: "FAILED", skipped: "n/a" } as const;

/** `stage test -- COMMAND...`: runs the conformance kit against a worker. */
export async function testStage(
  { terminal, signal }: Context,
  command: readonly string[],
  options: StageTestOptions,
): Promise<number | undefined> {
  const checks = options.check?.map((id) => id.toUpperCase());
  const unknown = checks?.find((id) => !CHECKS.some((check) => check.id === id));
  if (unknown !== undefined)
    throw new UsageError(`There is no check ${unknown}.`, "docs/reference/stage-kit.md lists them.");
  const report = await runKit({
    command,
    inputs: await readInputs(options.input ?? []),
    signal,
    onResult: (result) => {
      for (const line of lines(result, terminal.style)) terminal.line(line);
    },
    ...(options.stage === undefined ? {} : { stage: options.stage }),
    ...(checks === undefined ? {} : { checks }),
  });
  terminal.document(report);
  const count = (outcome: CheckResult["outcome"]) => report.checks.filter((check) => check.outcome === outcome).length;
  const summary = `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} did not apply`;
  terminal.line(`${report.stage === "" ? "" : `${report.stage} ${report.version}: `}${summary}`);
  return report.ok ? undefined : EXIT_FAILED;
}

function lines({ id, title, proves, outcome, seen, contract }: CheckResult, style: Style): string[] {
  const paint = { passed: style.good, failed: style.bad, skipped: style.dim }[outcome];
  const head = `${paint(WORDS[outcome].padEnd(6))} ${id} ${title}`;
  if (outcome !== "failed") return [head, `       ${style.dim(printable(seen))}`];
  return [
    head,
    `       ${style.bold("seen:")} ${printable(seen)}`,
    `       ${style.bold("proves:")} ${proves}`,
    ...contract.map(
      ({ file, at, says }) =>
        `       ${style.bold("contract:")} heimdex/stage/v1/${file}, ${at}: "${says.replace(/\s+/g, " ")}"`,
    ),
  ];
}

/** Files by port of `PORT=FILE`. Throws UsageError. */
async function readInputs(given: readonly string[]): Promise<Record<string, string[]>> {
  const inputs: Record<string, string[]> = {};
  for (const pair of given) {
    const at = pair.indexOf("=");
    const file = pair.slice(at + 1);
    if (at < 1) throw new UsageError(`--input ${pair} is not PORT=FILE.`);
    const facts = await stat(file).catch(() => undefined);
    if (facts?.isFile() !== true) throw new UsageError(`--input ${pair}: there is no file ${file}.`);
    const files = inputs[pair.slice(0, at)] ?? [];
    inputs[pair.slice(0, at)] = files;
    files.push(file);
  }
  return inputs;
}
