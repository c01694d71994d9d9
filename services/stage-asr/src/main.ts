import { serveStages } from "@heimdex/stage-sdk";
import { subtitlesStage } from "./subtitles-stage.ts";
import { transcribeStage } from "./transcribe-stage.ts";

await serveStages([subtitlesStage, transcribeStage]);
