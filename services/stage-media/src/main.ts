import { serveStages } from "@heimdex/stage-sdk";
import { analyzeStage, probeStage, scenesStage, subtitlesStage } from "./index.ts";

await serveStages([probeStage, analyzeStage, scenesStage, subtitlesStage]);
