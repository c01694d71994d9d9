import { type Failed, Failed_Kind } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { durationOf } from "./duration.ts";
import { engineFailure } from "./engine/index.ts";
import { type FailureKind, StageFailure } from "./failure.ts";

const RESOURCE_CODES = new Set(["ENOSPC", "EDQUOT", "ENOMEM", "EMFILE", "ENFILE"]);

/** What is told the server about what `run` threw. A StageFailure says it itself; a HeimdexError by its code; a full disk or want of memory is RESOURCE;
 * an engine process that was lost goes by how; all else is RETRYABLE with reason STAGE_ERROR, and the stack as log. */
export function failedOf(error: unknown): Failed {
  const thrown = engineFailure(error);
  if (thrown instanceof StageFailure) {
    const { kind, reason, message, help, retryAfterMs, logTail = "" } = thrown;
    return failed(kind, reason, message, help, logTail, retryAfterMs);
  }
  if (thrown instanceof HeimdexError)
    return failed(kindOf(thrown), thrown.id, thrown.message, thrown.help, stackOf(thrown), thrown.retryAfterMs);
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  if (code !== undefined && RESOURCE_CODES.has(code)) {
    const reason = code === "ENOSPC" || code === "EDQUOT" ? "DISK_FULL" : code;
    return failed(
      "RESOURCE",
      reason,
      messageOf(thrown),
      "Free some of what this machine lacks; it is tried again.",
      stackOf(thrown),
    );
  }
  const help = "If it happens again, it is a fault of the stage: report it with the log.";
  return failed("RETRYABLE", "STAGE_ERROR", messageOf(thrown), help, stackOf(thrown));
}

function failed(
  kind: FailureKind,
  reason: string,
  message: string,
  help: string,
  logTail: string,
  retryAfterMs?: number,
): Failed {
  return {
    kind: Failed_Kind[kind],
    reason: reason.slice(0, 64),
    message: message.slice(0, 2_000),
    help: help.slice(0, 1_000),
    retryAfter: retryAfterMs === undefined ? undefined : durationOf(retryAfterMs),
    logTail: lastBytes(logTail, 4_096),
  };
}

function kindOf({ code }: HeimdexError): FailureKind {
  if (code === "RESOURCE_EXHAUSTED") return "RESOURCE";
  const passing = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED", "INTERNAL", "UNKNOWN"];
  return passing.includes(code) ? "RETRYABLE" : "TERMINAL";
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
}

/** The stack and those of its causes: what a person needs to find the place. */
function stackOf(thrown: unknown): string {
  const stacks: string[] = [];
  for (let at = thrown; at instanceof Error && stacks.length < 4; at = at.cause) stacks.push(at.stack ?? at.message);
  return stacks.join("\ncaused by: ");
}

/** The end of a text, of at most so many bytes as UTF-8, not cut within a character. */
function lastBytes(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  if (whole.length <= bytes) return text;
  let from = whole.length - bytes;
  while (from < whole.length && ((whole[from] as number) & 0xc0) === 0x80) from += 1;
  return whole.subarray(from).toString();
}
