import { serveStages } from "@heimdex/stage-sdk";
import { textStage } from "./text/text-stage.ts";

await serveStages([textStage]);
