import { createRequire } from "node:module";
import type * as LanceModule from "@lancedb/lancedb";
import type * as ArrowModule from "apache-arrow";

export type Lance = typeof LanceModule;
export type Arrow = typeof ArrowModule;

const require = createRequire(import.meta.url);

/** LanceDB and Arrow, loaded on first use: the native library is 200 MB, and mapping it takes from 0.2 s (warm) to seconds (cold disk), which a
 * process that starts should not wait for.
 *
 * Both come through `require`: LanceDB is CommonJS and tests Arrow objects with `instanceof`; `import` would load a second, ES-module copy of
 * apache-arrow whose fields it refuses. */
export function native(): { readonly lance: Lance; readonly arrow: Arrow } {
  return { lance: require("@lancedb/lancedb") as Lance, arrow: require("apache-arrow") as Arrow };
}
