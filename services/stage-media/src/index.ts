export { type Analysis, type AnalyzeOptions, analyze } from "./analyze.ts";
export { analyzeStage } from "./analyze-stage.ts";
export { probeStage } from "./probe-stage.ts";
export { groupScenes } from "./scenes.ts";
export { scenesStage } from "./scenes-stage.ts";
export { subtitlesStage } from "./subtitles-stage.ts";
