export { type ChildOptions, type ChildResult, type PipeReader, runChild } from "./child.ts";
export { findFfmpeg, type Tool } from "./find-ffmpeg.ts";
export { DEFAULT_LIMITS, type Limits, memoryIsLimited } from "./limits.ts";
export { inputOptions, inputTarget, isUrl, MEDIA_FORMATS, SUBTITLE_FORMATS } from "./location.ts";
export { mainAudio, mainVideo } from "./main-stream.ts";
export { MediaError, type MediaReason } from "./media-error.ts";
export { type ProbeOptions, probe } from "./probe.ts";
export { type FfmpegOptions, mediaCommand, runFfmpeg, toolPath } from "./run-ffmpeg.ts";
export { type Sniffed, sniff } from "./sniff.ts";
