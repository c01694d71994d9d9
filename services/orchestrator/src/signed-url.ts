import { createHmac, timingSafeEqual } from "node:crypto";

/** What a data URL reaches: one artifact, for as long as one lease is held. */
export interface DataGrant {
  readonly tenant: string;
  readonly job: string;
  readonly stage: string;
  readonly lease: string;
  readonly epoch: number;
  /** blob: read these bytes. source: read the asset's own. upload: put output `n` of at most `size` bytes. */
  readonly kind: "blob" | "source" | "upload";
  readonly sha256: string;
  readonly size: number;
  readonly n: number;
}

/** Path of a data URL: the grant and its HMAC-SHA-256, both base64url. */
export function signGrant(grant: DataGrant, key: Uint8Array): string {
  const payload = Buffer.from(JSON.stringify(grant)).toString("base64url");
  return `/data/${payload}.${mac(payload, key).toString("base64url")}`;
}

/** The grant of a path; undefined when it is not one of ours.
 * @param keys any of which may have signed it */
export function openGrant(path: string, keys: readonly Uint8Array[]): DataGrant | undefined {
  const match = /^\/data\/([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(path);
  if (match === null) return undefined;
  const [, payload = "", signature = ""] = match;
  const given = Buffer.from(signature, "base64url");
  const isRight = (right: Buffer) => given.length === right.length && timingSafeEqual(given, right);
  if (!keys.some((key) => isRight(mac(payload, key)))) return undefined;
  return JSON.parse(Buffer.from(payload, "base64url").toString()) as DataGrant;
}

function mac(payload: string, key: Uint8Array): Buffer {
  return createHmac("sha256", key).update(payload).digest();
}
