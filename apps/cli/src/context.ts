import type { Terminal } from "./ui/terminal.ts";

/** What every command gets. */
export interface Context {
  readonly terminal: Terminal;
  /** `--data`, else HEIMDEX_DATA; undefined: the command's default. */
  readonly data: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Aborts with Ctrl-C (SIGINT), SIGTERM, SIGHUP, and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
}
