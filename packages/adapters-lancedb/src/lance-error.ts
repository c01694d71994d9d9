import { HeimdexError } from "@heimdex/errors";

/** Codes of S3 stores that mean "no room". */
const FULL = /^(XMinioStorageFull|XMinioAdminBucketQuotaExceeded|QuotaExceeded|InsufficientStorage)$/;
/** Codes of S3 stores that nothing but other settings helps against. */
const REFUSED =
  /^(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|InvalidTokenId|ExpiredToken|RequestTimeTooSkewed|NoSuchBucket|AuthorizationHeaderMalformed|PermanentRedirect)$/;

/** What LanceDB threw, as one of ours. It gives messages only, never codes, so the cases that differ are told by the texts of the operating system and
 * by the answers of the S3 store, which it passes on whole. */
export function lanceError(reason: unknown, doing: string): HeimdexError {
  if (reason instanceof HeimdexError) return reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  const [, code] = /<Code>(\w+)<\/Code>/.exec(message) ?? [];
  const [, said] = /<Message>(.*?)<\/Message>/.exec(message) ?? [];
  if (/no space left on device|disk quota exceeded|os error (28|122)\b/i.test(message) || FULL.test(code ?? ""))
    return new HeimdexError("DISK_FULL", `The search index could not be written: ${doing}`, { cause: reason });
  const why = code === undefined ? firstLine(message) : `${code}: ${said ?? ""}`;
  const help = helpFor(code, message);
  return new HeimdexError("INDEX_UNAVAILABLE", `The search index failed: ${doing}: ${why}`, {
    cause: reason,
    ...(help === undefined ? {} : { help }),
  });
}

/** Where building the index anew would not help. */
function helpFor(code: string | undefined, message: string): string | undefined {
  if (code !== undefined && REFUSED.test(code)) return "Correct the settings of the S3 store that the index lies in.";
  if (/\bkind: (Connect|Timeout|Request)\b/.test(message) && message.includes('store: "S3"'))
    return "Look after the S3 store that the index lies in.";
  return undefined;
}

function firstLine(message: string): string {
  const line = message.split("\n", 1)[0] ?? "";
  return line.length > 300 ? `${line.slice(0, 300)}...` : line;
}
