/** What a key may be for. A monitor reads figures, a viewer also reads and searches the archive, an editor also changes it, an admin also deletes and manages
 * keys. `stage` is none of these: it opens sessions of workers, and nothing else. */
export const ROLES = ["monitor", "viewer", "editor", "admin", "stage"] as const;
export type Role = (typeof ROLES)[number];

/** The least a method or route asks for.
 * - public: nothing, not even a key
 * - whole: an admin or a monitor of the tenant that runs the platform, `OPERATOR_TENANT`
 * - operator: an admin of that tenant */
export const LEVELS = ["public", "whole", "monitor", "viewer", "editor", "admin", "operator", "stage"] as const;
export type Level = (typeof LEVELS)[number];

/** The tenant of whoever runs the platform, and the only one where nobody set up others. Its admins also manage what all tenants share: stages, and the
 * keys of other tenants. */
export const OPERATOR_TENANT = "default";

/** Whether a text may name a tenant: it is part of paths and names, in stores that ignore case too. */
export function isTenant(text: unknown): text is string {
  return typeof text === "string" && /^[a-z0-9][a-z0-9_-]{0,62}$/.test(text);
}

/** Of a stage key that serves the jobs of every tenant. */
export const EVERY_TENANT = "*";
