export { openRecognizer } from "./open-recognizer.ts";
export { findSilero } from "./silero-model.ts";
export { type Transcription, transcribe } from "./transcribe.ts";
export { transcribeStage } from "./transcribe-stage.ts";
export { VadThread } from "./vad-thread.ts";
