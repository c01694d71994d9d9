import { z } from "zod";
import type { AutoscalerConfig } from "./config.ts";
import type { Demand } from "./decide.ts";
import { fetchJson } from "./fetch-json.ts";

const status = z.object({
  paused_reason: z.string(),
  stages: z.array(z.object({ stage: z.string(), ready: z.number(), leased: z.number() })),
});

export interface DemandOfStages {
  /** By name, of every stage that was ever registered. */
  readonly stages: ReadonlyMap<string, Demand>;
  /** Why nothing is leased at present; "" where something may be. */
  readonly pausedReason: string;
}

/** What each stage has to do, as the gateway tells whoever may see the whole. Throws as `fetchJson` does. */
export async function readDemand({ gatewayUrl, monitorKey: [key] }: AutoscalerConfig): Promise<DemandOfStages> {
  const { stages, paused_reason } = await fetchJson(
    status,
    new URL("/v1/status", gatewayUrl).href,
    { headers: { authorization: `Bearer ${key.reveal()}` } },
    {
      what: "reading what waits",
      help: "See that the gateway is up, and that HEIMDEX_MONITOR_KEY is the key that the gateway has by that name.",
    },
  );
  return { stages: new Map(stages.map(({ stage, ...demand }) => [stage, demand])), pausedReason: paused_reason };
}
