export { type AutoscalerConfig, autoscalerConfig, type PoolConfig } from "./config.ts";
export { type Decision, type Demand, decide, type PoolLimits, type PoolState } from "./decide.ts";
