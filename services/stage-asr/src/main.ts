import { serveStages } from "@heimdex/stage-sdk";
import { transcribeStage } from "./transcribe-stage.ts";

await serveStages([transcribeStage]);
