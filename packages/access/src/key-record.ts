import type { Role } from "./role.ts";

/** A key: catalog collection `keys`, by id; terms `key`, `tenant:<tenant>`, `hash:<sha256>` for each hash it answers to; sorted by when it was made.
 * Times are Unix ms, 0 for never. */
export interface KeyRecord {
  readonly id: string;
  /** What it is for, for people. */
  readonly name: string;
  readonly role: Role;
  readonly tenant: string;
  /** Stages a stage key may serve; empty: all. */
  readonly stages: readonly string[];
  /** SHA-256 of the key. */
  readonly hash: string;
  /** The key before the last rotation, while it is still good. */
  readonly previous: { readonly hash: string; readonly untilMs: number } | undefined;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number;
  /** To the minute. */
  readonly lastUsedAtMs: number;
}

/** Whether the key itself is good. */
export function isGood({ revokedAtMs, expiresAtMs }: KeyRecord, nowMs: number): boolean {
  return revokedAtMs === 0 && (expiresAtMs === 0 || nowMs < expiresAtMs);
}

/** Whether a secret with this hash opens it. */
export function opens(record: KeyRecord, hash: string, nowMs: number): boolean {
  if (!isGood(record, nowMs)) return false;
  return record.hash === hash || (record.previous?.hash === hash && nowMs < record.previous.untilMs);
}
