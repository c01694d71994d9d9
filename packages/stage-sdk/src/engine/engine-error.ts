/** An engine refused one request and is fit for the next. Crosses from the child process to the service with its code. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** Stable id in capitals, such as `PICTURE_UNREADABLE`. */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The engine's process ended, or was ended, before it answered. The next request gets a new process. */
export class EngineLost extends Error {
  override readonly name = "EngineLost";
  /** Why: it went by itself, was killed from outside (mostly for want of memory), or took too long. */
  readonly how: "EXITED" | "KILLED" | "TIMEOUT";
  /** The last lines it printed, at most 4 KiB. */
  readonly logTail: string;

  constructor(how: "EXITED" | "KILLED" | "TIMEOUT", message: string, logTail: string) {
    super(message);
    this.how = how;
    this.logTail = logTail;
  }
}
