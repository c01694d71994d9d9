import type { Issue } from "./issue.ts";

/** Why a document cannot be read.
 * - NOT_JSON: the text is no JSON.
 * - NOT_A_SIDECAR: it does not say that it is one.
 * - NEWER: a newer major version than this code reads.
 * - INVALID: it says that it is one, but breaks its schema; `issues` says where. */
export type UnreadableReason = "NOT_JSON" | "NOT_A_SIDECAR" | "NEWER" | "INVALID";

/** Thrown by `readSidecar`. */
export class SidecarUnreadable extends TypeError {
  override readonly name = "SidecarUnreadable";
  readonly reason: UnreadableReason;
  readonly issues: readonly Issue[];

  constructor(reason: UnreadableReason, message: string, options: { issues?: readonly Issue[]; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.issues = options.issues ?? [];
  }
}
