import { HeimdexError } from "@heimdex/errors";
import { MediaError, type MediaReason } from "@heimdex/media";
import { type FailureKind, StageFailure } from "@heimdex/stage-sdk";

const KIND: Readonly<Record<MediaReason, FailureKind>> = {
  SOURCE_NOT_FOUND: "RETRYABLE",
  SOURCE_UNREADABLE: "RETRYABLE",
  EMPTY_FILE: "INPUT_REJECTED",
  NOT_MEDIA: "INPUT_REJECTED",
  STILL_IMAGE: "INPUT_REJECTED",
  UNSUPPORTED_FORMAT: "INPUT_REJECTED",
  NO_STREAMS: "INPUT_REJECTED",
  INDEX_MISSING: "INPUT_REJECTED",
  REFERENCES_REFUSED: "INPUT_REJECTED",
  DECODE_FAILED: "INPUT_REJECTED",
  // The limits are far above what sound files need, and the same for each attempt.
  TIME_LIMIT: "TERMINAL",
  MEMORY_LIMIT: "INPUT_REJECTED",
  OUTPUT_LIMIT: "INPUT_REJECTED",
  DISK_FULL: "RESOURCE",
  TOOL_FAILED: "TERMINAL",
};

/** Says to the orchestrator what a MediaError, NO_FFMPEG or FFMPEG_UNUSABLE means for the attempt. Everything else stays what it is. */
export function toStageFailure(error: unknown): unknown {
  if (error instanceof MediaError) {
    const { reason, message, help, logTail } = error;
    return new StageFailure(KIND[reason], reason, message, {
      help,
      cause: error,
      ...(logTail === undefined ? {} : { logTail }),
    });
  }
  if (error instanceof HeimdexError) {
    const kind = error.id === "FFMPEG_UNUSABLE" ? "RETRYABLE" : "TERMINAL"; // mostly a machine under load
    return new StageFailure(kind, error.id, error.message, { help: error.help, cause: error });
  }
  return error;
}
