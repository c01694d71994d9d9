export type { Moment, MomentItem, MomentLayer, MomentSource } from "./moment.ts";
export { MAX_MOMENT_MS } from "./moment-cuts.ts";
export { type MomentOptions, momentsOf } from "./moments.ts";
