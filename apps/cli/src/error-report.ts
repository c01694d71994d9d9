import { HeimdexError } from "@heimdex/errors";
import type { Style } from "./ui/style.ts";
import { printable } from "./ui/text.ts";
import { UsageError } from "./usage-error.ts";

/** An error as people read it: what happened, to what, why, and what to do next. A stack only with HEIMDEX_LOG_LEVEL=debug or trace. */
export function errorLines(reason: unknown, style: Style, env: NodeJS.ProcessEnv): string[] {
  const error = reason instanceof UsageError ? reason : HeimdexError.from(reason);
  const lines = [`${style.bad("heimdex:")} ${printable(error.message)} ${style.dim(`[${error.id}]`)}`];
  if (error instanceof HeimdexError) {
    const facts = Object.entries(error.metadata).filter(([, value]) => value !== "" && !error.message.includes(value));
    for (const [name, value] of facts) lines.push(`  ${name}: ${printable(value)}`);
    for (const { field, description } of error.fields) {
      if (!error.message.includes(description)) lines.push(`  ${printable(field)}: ${printable(description)}`);
    }
    const why = causeOf(error);
    if (why !== undefined) lines.push(`  why: ${printable(why)}`);
  }
  if (error.help !== "") lines.push(`  ${style.bold("next:")} ${printable(error.help)}`);
  if (["debug", "trace"].includes(env.HEIMDEX_LOG_LEVEL ?? "") && error.stack !== undefined) lines.push(error.stack);
  return lines;
}

/** The same for programs: `error` of the one document that `--json` prints. */
export function errorDocument(reason: unknown): {
  readonly id: string;
  readonly message: string;
  readonly help: string;
} {
  if (reason instanceof UsageError) return { id: reason.id, message: reason.message, help: reason.help };
  return HeimdexError.from(reason).toJSON();
}

/** What the cause adds; the innermost says most. */
function causeOf(error: Error): string | undefined {
  let at = error.cause;
  let said: string | undefined;
  for (let depth = 0; at instanceof Error && depth < 8; depth++) {
    if (!error.message.includes(at.message)) said = at.message;
    at = at.cause;
  }
  return said?.split("\n")[0];
}
