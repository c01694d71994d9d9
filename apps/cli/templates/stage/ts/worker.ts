import { serveStages } from "@heimdex/stage-sdk";
import { stage } from "./stage.ts";

await serveStages([stage]);
