import type { ServerWatch } from "@heimdex/health";
import type { Blobs, Bus, Catalog, EventLog, MomentIndex } from "@heimdex/ports";

/** The adapters an orchestrator runs on. It does not close them. */
export interface OrchestratorPorts {
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly blobs: Blobs;
  readonly index: MomentIndex;
  /** What programs beside the archive follow. Default: there are none. */
  readonly events?: EventLog;
  /** The servers behind them. Default: none, all is within this process. */
  readonly servers?: ServerWatch;
}
