const HIDDEN = "***";
const secretsOf = new WeakMap<object, readonly (readonly string[])[]>();

/** Which paths of a loaded configuration `redacted` hides. Kept beside the object, so that it looks like what its type says. */
export function rememberSecrets(config: object, paths: readonly (readonly string[])[]): void {
  secretsOf.set(config, paths);
}

export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/** A copy of a configuration from `loadConfig`, fit for a log: secrets and passwords within URLs read `***`. Unset secrets stay unset. */
export function redacted<T extends object>(config: T): T {
  const copy = withoutPasswords(config) as Record<string, unknown>;
  for (const path of secretsOf.get(config) ?? []) {
    let at: Record<string, unknown> | undefined = copy;
    for (const key of path.slice(0, -1)) at = at?.[key] as Record<string, unknown> | undefined;
    const last = path.at(-1) as string;
    if (at?.[last] !== undefined) at[last] = HIDDEN;
  }
  return copy as T;
}

function withoutPasswords(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/(\/\/[^/?#@\s:]*):[^/?#@\s]*@/g, `$1:${HIDDEN}@`);
  if (Array.isArray(value)) return value.map(withoutPasswords);
  // Only plain objects are walked: a URL or a Date stands for itself.
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return value instanceof URL ? withoutPasswords(value.href) : value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutPasswords(inner)]));
}
