import { join } from "node:path";
import type { DataFolder } from "./data-folder.ts";

/** How a running host is reached: `run/host.json` in the data directory. */
export interface HostAddress {
  readonly pid: number;
  /** Names of the stage services it runs. */
  readonly services: readonly string[];
  /** `host:port` of the HTTP API. */
  readonly http: string;
  /** `host:port` of the gRPC API. */
  readonly grpc: string;
  /** `host:port` that workers dial. */
  readonly worker: string;
  /** Opens the API to the commands of whoever may read the data directory; "" where no keys are asked for. Good while the host runs. */
  readonly key: string;
}

export function hostFile(folder: Pick<DataFolder, "run">): string {
  return join(folder.run, "host.json");
}
