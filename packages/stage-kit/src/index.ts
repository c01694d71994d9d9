export type { Check, Clause } from "./check.ts";
export { CHECKS } from "./checks.ts";
export { type CheckResult, type KitOptions, type KitReport, runKit } from "./run-kit.ts";
export { type Direction, type Disturbance, TcpProxy } from "./tcp-proxy.ts";
