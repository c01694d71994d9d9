import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// Types are stripped and code compiled once; from then on each command starts in a fraction of the time. The stage services inherit it.
const cache =
  process.env.NODE_COMPILE_CACHE ||
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "heimdex", "compiled");
process.env.NODE_COMPILE_CACHE = cache;
enableCompileCache(cache);

const { run } = await import("./run.ts");
await run(process.argv.slice(2));
