import { HeimdexError } from "@heimdex/errors";
import type { BlobKey, ByteRange, UploadKey } from "./blobs.ts";

// Lower case only: on a file system that ignores case, `A` and `a` would share their bytes.
const TENANT = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const ATTEMPT = /^[A-Za-z0-9_-]{1,128}$/;
const SEGMENT = /^[A-Za-z0-9._-]{1,255}$/;
const PREFIX = /^[A-Za-z0-9._/-]{0,2048}$/;

function invalid(what: string, value: unknown): HeimdexError {
  return new HeimdexError("BLOB_KEY_INVALID", `${JSON.stringify(value) ?? String(value)} is no ${what}`);
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** @throws HeimdexError BLOB_KEY_INVALID */
export function checkTenant(tenant: string): void {
  if (!isText(tenant, TENANT)) throw invalid("tenant", tenant);
}

/** @throws HeimdexError BLOB_KEY_INVALID */
export function checkBlobKey(key: BlobKey): void {
  checkTenant(key.tenant);
  if (!isText(key.sha256, SHA256)) throw invalid("SHA-256 in lower-case hexadecimal", key.sha256);
  if (!isCount(key.size)) throw invalid("size", key.size);
}

/** @throws HeimdexError BLOB_KEY_INVALID */
export function checkAttempt(tenant: string, attempt: string): void {
  checkTenant(tenant);
  if (!isText(attempt, ATTEMPT)) throw invalid("attempt", attempt);
}

/** @throws HeimdexError BLOB_KEY_INVALID */
export function checkUploadKey(key: UploadKey): void {
  checkAttempt(key.tenant, key.attempt);
  if (!isCount(key.n)) throw invalid("upload number", key.n);
}

/** @throws HeimdexError BLOB_KEY_INVALID */
export function checkName(tenant: string, name: string): void {
  checkTenant(tenant);
  const segments = typeof name === "string" ? name.split("/") : [];
  const fine = segments.every((segment) => SEGMENT.test(segment) && segment !== "." && segment !== "..");
  if (segments.length < 1 || segments.length > 8 || !fine) throw invalid("name of a document", name);
}

/** @throws HeimdexError BLOB_KEY_INVALID */
export function checkListing(tenant: string, prefix: string, after: string | undefined, limit: number): void {
  checkTenant(tenant);
  if (!isText(prefix, PREFIX)) throw invalid("prefix of names", prefix);
  if (after !== undefined && !isText(after, PREFIX)) throw invalid("name to continue behind", after);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw invalid("limit (1..1000)", limit);
}

/** The range within a blob of `size` bytes; all of it when undefined.
 * @throws HeimdexError BLOB_RANGE_INVALID */
export function checkRange(size: number, range: ByteRange | undefined): ByteRange {
  if (range === undefined) return { start: 0, end: size };
  const { start, end } = range;
  if (!isCount(start) || !isCount(end) || start > end || end > size)
    throw new HeimdexError("BLOB_RANGE_INVALID", `${start}..${end} is not within the blob's ${size} bytes`, {
      metadata: { size: String(size) },
    });
  return range;
}
