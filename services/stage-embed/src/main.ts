import { serveStages } from "@heimdex/stage-sdk";
import { createEmbedTextStage } from "./embed-text-stage.ts";

await serveStages([createEmbedTextStage()]);
