import { resolve } from "node:path";

/** The data directory of `--data`, else HEIMDEX_DATA, else `byDefault` (`.heimdex`) here. */
export function dataRoot(option: string | undefined, env: NodeJS.ProcessEnv, byDefault = ".heimdex"): string {
  return resolve(option ?? (env.HEIMDEX_DATA || byDefault));
}
