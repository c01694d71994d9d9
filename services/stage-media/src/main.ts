import { serveStages } from "@heimdex/stage-sdk";
import { analyzeStage, probeStage, scenesStage } from "./index.ts";

await serveStages([probeStage, analyzeStage, scenesStage]);
