export type { Check, Clause } from "./check.ts";
export { CHECKS } from "./checks.ts";
export { type CheckResult, type KitOptions, type KitReport, runKit } from "./run-kit.ts";
