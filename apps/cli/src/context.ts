import type { Endpoint } from "./endpoint.ts";
import type { Terminal } from "./ui/terminal.ts";

/** What every command gets. */
export interface Context {
  readonly terminal: Terminal;
  /** `--data`, else HEIMDEX_DATA; undefined: the command's default. */
  readonly data: string | undefined;
  /** The gateway elsewhere that is meant; undefined: the archive of a data directory here. */
  readonly endpoint: Endpoint | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Aborts with Ctrl-C (SIGINT), SIGTERM, SIGHUP, and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
}
