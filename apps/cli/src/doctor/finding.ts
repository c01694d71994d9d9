/** What one check found. */
export interface Finding {
  readonly check: string;
  /** WARNING: works, but not all of it. PROBLEM: something needed is missing. */
  readonly state: "OK" | "WARNING" | "PROBLEM";
  readonly found: string;
  /** What to do; "" when all is well. */
  readonly next: string;
}

export const ok = (check: string, found: string): Finding => ({ check, state: "OK", found, next: "" });
export const warning = (check: string, found: string, next: string): Finding => ({
  check,
  state: "WARNING",
  found,
  next,
});
export const problem = (check: string, found: string, next: string): Finding => ({
  check,
  state: "PROBLEM",
  found,
  next,
});
