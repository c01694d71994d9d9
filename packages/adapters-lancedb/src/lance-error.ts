import { HeimdexError } from "@heimdex/errors";

/** What LanceDB threw, as one of ours. It gives messages only, never codes, so the one case that differs is told by the operating system's text. */
export function lanceError(reason: unknown, doing: string): HeimdexError {
  if (reason instanceof HeimdexError) return reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  if (/no space left on device|disk quota exceeded|os error (28|122)\b/i.test(message))
    return new HeimdexError("DISK_FULL", `The search index could not be written: ${doing}`, { cause: reason });
  return new HeimdexError("INDEX_UNAVAILABLE", `The search index failed: ${doing}: ${firstLine(message)}`, {
    cause: reason,
  });
}

function firstLine(message: string): string {
  const line = message.split("\n", 1)[0] ?? "";
  return line.length > 300 ? `${line.slice(0, 300)}...` : line;
}
