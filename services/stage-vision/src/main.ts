import { serveStages } from "@heimdex/stage-sdk";
import { describeStage } from "./describe/describe-stage.ts";
import { facesStage } from "./faces/faces-stage.ts";
import { objectsStage } from "./objects/objects-stage.ts";
import { textStage } from "./text/text-stage.ts";

await serveStages([textStage, facesStage, objectsStage, describeStage]);
