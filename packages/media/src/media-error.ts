/** Why media cannot be used, or a tool could not finish. Stable: stages pass it on as the reason of their failure.
 * About the file: SOURCE_NOT_FOUND, SOURCE_UNREADABLE, EMPTY_FILE, NOT_MEDIA, STILL_IMAGE, UNSUPPORTED_FORMAT, NO_STREAMS,
 * INDEX_MISSING (an mp4 without its moov box), REFERENCES_REFUSED, DECODE_FAILED.
 * About the run: TIME_LIMIT, MEMORY_LIMIT, OUTPUT_LIMIT, DISK_FULL, TOOL_FAILED. */
export type MediaReason =
  | "SOURCE_NOT_FOUND"
  | "SOURCE_UNREADABLE"
  | "EMPTY_FILE"
  | "NOT_MEDIA"
  | "STILL_IMAGE"
  | "UNSUPPORTED_FORMAT"
  | "NO_STREAMS"
  | "INDEX_MISSING"
  | "REFERENCES_REFUSED"
  | "DECODE_FAILED"
  | "TIME_LIMIT"
  | "MEMORY_LIMIT"
  | "OUTPUT_LIMIT"
  | "DISK_FULL"
  | "TOOL_FAILED";

/** What went wrong with a file or with a tool that read it. `message` says what happened, `help` what to do. */
export class MediaError extends Error {
  override readonly name = "MediaError";
  readonly reason: MediaReason;
  readonly help: string;
  /** The last lines the tool printed, at most 4 KiB; undefined where no tool ran. */
  readonly logTail: string | undefined;
  /** CPU time the tool had used, in ms; 0 where no tool ran or it had to be killed hard. */
  readonly cpuMs: number;

  constructor(
    reason: MediaReason,
    message: string,
    options: { help: string; logTail?: string; cpuMs?: number; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.help = options.help;
    this.logTail = options.logTail === undefined || options.logTail === "" ? undefined : options.logTail.slice(-4096);
    this.cpuMs = options.cpuMs ?? 0;
  }
}
