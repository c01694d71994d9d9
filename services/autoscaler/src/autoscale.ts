import { HeimdexError } from "@heimdex/errors";
import type { AutoscalerConfig, PoolConfig } from "./config.ts";
import { type Decision, decide } from "./decide.ts";
import { type DemandOfStages, readDemand } from "./read-demand.ts";
import { WorkerPools } from "./worker-pools.ts";

/** What became of one pool. */
export type PoolOutcome =
  | ({ readonly pool: string; readonly before: number } & Decision)
  | { readonly pool: string; readonly error: HeimdexError };

/** One round: reads what waits, and sets each pool to as many instances as that takes. One pool's failure keeps no other from being set.
 * @param nowMs Unix ms
 * @throws HeimdexError when what waits cannot be read, or no token is had: then no pool is touched */
export async function autoscale(config: AutoscalerConfig, nowMs: number): Promise<PoolOutcome[]> {
  const demand = await readDemand(config);
  const pools = await WorkerPools.open(config);
  return Promise.all(
    config.pools.map(async (pool): Promise<PoolOutcome> => {
      try {
        return await setPool(pools, pool, demand, config.holdMs, nowMs);
      } catch (reason) {
        return { pool: pool.name, error: HeimdexError.from(reason) };
      }
    }),
  );
}

async function setPool(
  pools: WorkerPools,
  pool: PoolConfig,
  { stages, pausedReason }: DemandOfStages,
  holdMs: number,
  nowMs: number,
): Promise<PoolOutcome> {
  const found = await pools.get(pool.name);
  const state = {
    instances: found.instances,
    unchangedMs: found.changedAtMs === undefined ? Number.POSITIVE_INFINITY : nowMs - found.changedAtMs,
    demands: pool.stages.map((stage) => stages.get(stage)),
    isPaused: pausedReason !== "",
  };
  const decision = decide(pool, state, holdMs);
  if (decision.instances !== found.instances) await pools.resize(found, decision.instances);
  return { pool: pool.name, before: found.instances, ...decision };
}
