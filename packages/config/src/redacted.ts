const HIDDEN = "***";

export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/** A copy of a configuration, fit for a log: passwords within URLs read `***`, as a `Secret` does by itself. */
export function redacted<T extends object>(config: T): T {
  return withoutPasswords(config) as T;
}

function withoutPasswords(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/(\/\/[^/?#@\s:]*):[^/?#@\s]*@/g, `$1:${HIDDEN}@`);
  if (Array.isArray(value)) return value.map(withoutPasswords);
  // Only plain objects are walked: a Secret or a Date stands for itself.
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return value instanceof URL ? withoutPasswords(value.href) : value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutPasswords(inner)]));
}
