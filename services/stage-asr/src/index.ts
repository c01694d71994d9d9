export { subtitlesStage } from "./subtitles-stage.ts";
export { transcribeStage } from "./transcribe-stage.ts";
