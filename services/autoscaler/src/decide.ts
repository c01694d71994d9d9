/** How far a pool of instances may be scaled. */
export interface PoolLimits {
  readonly min: number;
  readonly max: number;
  /** Steps of one stage that an instance has under way at once. */
  readonly concurrency: number;
}

/** What one stage of a pool has to do. */
export interface Demand {
  /** Steps that wait for a worker. */
  readonly ready: number;
  /** Steps that a worker has. */
  readonly leased: number;
}

/** What is known of a pool. */
export interface PoolState {
  readonly instances: number;
  /** Since its count, or anything else of it, was last changed; Infinity where that is not known. */
  readonly unchangedMs: number;
  /** Of each of its stages; undefined for one that nobody has ever registered. */
  readonly demands: readonly (Demand | undefined)[];
  /** Nothing is leased at present, such as for want of disk. */
  readonly isPaused: boolean;
}

export interface Decision {
  readonly instances: number;
  /** For people. */
  readonly reason: string;
}

/** How many instances a pool should have. Pure.
 * Up at once, to as many as can work on all that waits. Down no sooner than `holdMs` after the last change and by half at most, so that a short pause between two
 * films costs no cold start; never below what is under way. A stage that nobody has registered gets an instance, as nothing is planned for it before. */
export function decide(limits: PoolLimits, state: PoolState, holdMs: number): Decision {
  const { min, max } = limits;
  const { instances, unchangedMs, isPaused } = state;
  if (instances < min) return { instances: min, reason: `the least is ${min}` };
  if (instances > max) return { instances: max, reason: `the most is ${max}` };
  if (isPaused) return { instances, reason: "leasing is paused" };
  const wanted = Math.min(max, Math.max(min, needed(limits, state.demands)));
  const facts = `${sum(state.demands, "ready")} ready, ${sum(state.demands, "leased")} leased`;
  if (wanted > instances) return { instances: wanted, reason: facts };
  if (wanted === instances) return { instances, reason: facts };
  if (unchangedMs < holdMs) return { instances, reason: `${facts}; held at ${instances} since the last change` };
  return { instances: Math.max(wanted, Math.floor(instances / 2)), reason: facts };
}

/** An instance serves all stages of its pool side by side, so the busiest one tells. */
function needed({ concurrency }: PoolLimits, demands: PoolState["demands"]): number {
  return Math.max(
    0,
    ...demands.map((demand) => (demand === undefined ? 1 : Math.ceil((demand.ready + demand.leased) / concurrency))),
  );
}

function sum(demands: PoolState["demands"], of: keyof Demand): number {
  return demands.reduce((total, demand) => total + (demand?.[of] ?? 0), 0);
}
