export { createTextStage, textStage } from "./text/text-stage.ts";
