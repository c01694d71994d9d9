import { HeimdexError, isLostConnection, isUntrusted } from "@heimdex/errors";
import { S3Error } from "minio";

/** Codes of the S3 API (AWS, "List of error codes") and of MinIO's own. */
const FULL: ReadonlySet<string> = new Set([
  "XMinioStorageFull",
  "XMinioAdminBucketQuotaExceeded",
  "QuotaExceeded",
  "InsufficientStorage",
  "EntityTooLarge",
]);
const ABSENT: ReadonlySet<string> = new Set(["NoSuchKey", "NotFound", "NoSuchUpload"]);
/** Code, and what to do about it. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  [
    "AccessDenied",
    "Allow the key s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and multipart uploads there.",
  ],
  ["AllAccessDisabled", "The store's operator has switched the bucket off."],
  ["InvalidAccessKeyId", "The store does not know the access key: correct it."],
  ["SignatureDoesNotMatch", "The secret key does not belong to the access key: correct it."],
  ["InvalidToken", "Give a session token that belongs to the access key."],
  ["ExpiredToken", "The session token has expired: give a new one."],
  ["InvalidTokenId", "Give a session token that belongs to the access key."],
  ["RequestTimeTooSkewed", "Set the clock of this machine, or the store's: they differ by more than 15 minutes."],
  ["NoSuchBucket", "Create the bucket, or start again so that it is created."],
  ["BucketAlreadyExists", "Somebody else owns a bucket of this name: choose another."],
  ["InvalidBucketName", "Choose another bucket name."],
  ...[
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "MovedPermanently",
    "TemporaryRedirect",
    "IllegalLocationConstraintException",
    "InvalidRegion",
  ].map((code) => [code, "The bucket is in another region, or behind another endpoint: correct them."] as const),
]);
/** The S3 code, or Node's; "" when there is none. */
export function codeOf(reason: unknown): string {
  const code = (reason as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

/** There is no such object, or no such multipart upload (any more). */
export function isAbsent(reason: unknown): boolean {
  return reason instanceof S3Error && ABSENT.has(codeOf(reason));
}

/** Something has the name already. */
export function isTaken(reason: unknown): boolean {
  return reason instanceof S3Error && codeOf(reason) === "PreconditionFailed";
}

/** Worth another try: the store, or the way to it, is in trouble. `IncompleteBody`: the request was cut off on its way, and MinIO says it also at the moment when its
 * disk becomes full; asked again, it says so. minio-js gives answers of 408, 429, 499 and most of 5xx as a text. */
export function isTransient(reason: unknown): boolean {
  if (reason instanceof S3Error)
    return /^(ConditionalRequestConflict|IncompleteBody|InternalError|SlowDown|ServiceUnavailable|RequestTimeout|XMinioServerNotInitialized)$/.test(
      codeOf(reason),
    );
  return (
    isLostConnection(codeOf(reason)) || (reason instanceof Error && reason.message.includes("Retryable HTTP status"))
  );
}

/** What the store or the way to it threw, as one of ours; the cause is kept.
 * @param doing such as "putting a blob" */
export function fromStore(reason: unknown, doing: string, bucket: string): HeimdexError {
  if (reason instanceof HeimdexError) return reason;
  const code = codeOf(reason);
  const said = reason instanceof Error && reason.message !== "" ? reason.message : String(reason);
  const message = `bucket ${bucket}, ${doing}: ${code === "" ? "" : `${code}: `}${said}`;
  const options = { cause: reason, metadata: { bucket } };
  if (isTransient(reason)) return new HeimdexError("BLOB_UNAVAILABLE", message, options);
  if (FULL.has(code)) return new HeimdexError("DISK_FULL", message, options);
  // MinIO keeps objects as folders: none can lie below another.
  if (code === "XMinioParentIsObject") return new HeimdexError("BLOB_KEY_INVALID", message, options);
  const help = REFUSED.get(code) ?? helpFor(reason, code);
  if (help !== undefined) return new HeimdexError("BLOB_STORE_REFUSED", message, { ...options, help });
  return new HeimdexError("INTERNAL", message, options);
}

function helpFor(reason: unknown, code: string): string | undefined {
  if (isUntrusted(code))
    return "Name the authority of the store's certificate in NODE_EXTRA_CA_CERTS, and check that the endpoint speaks TLS.";
  if (reason instanceof S3Error && code === "")
    return "Check the endpoint: what answers there does not answer as an S3 store does (http instead of https?).";
  return undefined;
}
