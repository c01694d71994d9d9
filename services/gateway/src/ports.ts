import type { ServerWatch } from "@heimdex/health";
import type { Blobs, Bus, Catalog, MomentIndex } from "@heimdex/ports";

/** What the gateway stands on. It owns none of them: whoever opened them closes them after it. */
export interface GatewayPorts {
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly blobs: Blobs;
  readonly index: MomentIndex;
  /** The servers behind them. Default: none, all is within this process. */
  readonly servers?: ServerWatch;
}
