import { serveStages } from "@heimdex/stage-sdk";
import { createEmbedImageStage } from "./embed-image-stage.ts";
import { createEmbedTextStage } from "./embed-text-stage.ts";

await serveStages([createEmbedTextStage(), createEmbedImageStage()]);
