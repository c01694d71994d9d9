import { serveStages } from "@heimdex/stage-sdk";
import { noOpStages, type Shape } from "./no-op-stages.ts";

/** A worker of the benchmark `steps`: `worker-process.ts SHAPE SLOTS`. */
const [shape, slots] = process.argv.slice(2);
await serveStages(noOpStages(shape as Shape, Number(slots)));
