import { EVERY_TENANT, type Level, OPERATOR_TENANT, type Role } from "./role.ts";

/** Who makes a call. */
export interface Caller {
  /** Id of the key; `local` where none is asked for, else a word for a key of the server's own configuration. */
  readonly key: string;
  readonly role: Role;
  /** The tenant it acts on; `EVERY_TENANT` for a stage key that serves all. */
  readonly tenant: string;
  /** Names of the stages that a stage key may serve; empty: all. */
  readonly stages: readonly string[];
}

/** Whoever reaches a listener that asks for no keys: it is on loopback, so it is the user of this machine. */
export const LOCAL_CALLER: Caller = { key: "local", role: "admin", tenant: OPERATOR_TENANT, stages: [] };

const RANK: Readonly<Record<Role, number>> = { stage: -1, monitor: 0, viewer: 1, editor: 2, admin: 3 };

/** Whether the caller runs the platform, rather than one tenant's archive. */
export function isOperator({ role, tenant }: Caller): boolean {
  return role === "admin" && tenant === OPERATOR_TENANT;
}

/** Whether the caller is told the figures of the whole, all tenants together. */
export function seesWhole(caller: Caller): boolean {
  return isOperator(caller) || (caller.role === "monitor" && caller.tenant === OPERATOR_TENANT);
}

/** Whether what belongs to `tenant` is for somebody of `own`, which may be all of them. */
export function sharesTenant(own: string, tenant: string): boolean {
  return own === EVERY_TENANT || own === tenant;
}

/** Whether the caller may call what asks for `level`. A stage key reaches nothing of the public API, and no other key anything of the workers'. */
export function reaches(caller: Caller, level: Level): boolean {
  if (level === "public") return true;
  if (level === "stage" || caller.role === "stage") return level === caller.role;
  if (level === "whole") return seesWhole(caller);
  if (level === "operator") return isOperator(caller);
  return RANK[caller.role] >= RANK[level];
}
