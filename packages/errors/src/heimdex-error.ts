import { inspect } from "node:util";
import { ERRORS, type ErrorId, type GrpcCode, isErrorId } from "./registry.ts";

/** A field of a request that is not as it must be. */
export interface FieldViolation {
  /** Path such as `manifest.inputs[2].media_type`. */
  readonly field: string;
  readonly description: string;
}

export interface ErrorOptions {
  /** What to do next; the registry's by default. */
  readonly help?: string;
  /** Facts for programs: asset, stage, path. Strings only, as google.rpc.ErrorInfo takes them. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly FieldViolation[];
  /** Earliest time a retry makes sense, in ms from now. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** The one error class. `id` is stable and in the registry; `message` is for people: what happened and to what. */
export class HeimdexError extends Error {
  override readonly name = "HeimdexError";
  readonly id: ErrorId;
  readonly help: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(id: ErrorId, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.id = id;
    this.help = options.help ?? ERRORS[id].help;
    this.metadata = options.metadata ?? {};
    this.fields = options.fields ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }

  get code(): GrpcCode {
    return ERRORS[this.id].code;
  }

  /** As plain JSON, for the bus, HTTP and logs. */
  toJSON(): SerializedError {
    return {
      id: this.id,
      message: this.message,
      help: this.help,
      metadata: this.metadata,
      fields: this.fields,
      ...(this.retryAfterMs === undefined ? {} : { retry_after_ms: this.retryAfterMs }),
    };
  }

  /** The error as another process had it. An id this version does not know becomes INTERNAL, the id before the message. */
  static fromJSON(json: SerializedError): HeimdexError {
    const known = isErrorId(json.id);
    return new HeimdexError(
      known ? (json.id as ErrorId) : "INTERNAL",
      known ? json.message : `${json.id}: ${json.message}`,
      {
        help: json.help,
        metadata: json.metadata,
        fields: json.fields,
        ...(json.retry_after_ms === undefined ? {} : { retryAfterMs: json.retry_after_ms }),
      },
    );
  }

  /** A HeimdexError stays itself; an aborted call becomes CANCELLED, one that `AbortSignal.timeout` ended DEADLINE_EXCEEDED; a full disk or quota
   * DISK_FULL; all else INTERNAL. The cause is kept. Never throws. */
  static from(reason: unknown): HeimdexError {
    if (reason instanceof HeimdexError) return reason;
    const message = reason instanceof Error ? reason.message : typeof reason === "string" ? reason : inspect(reason);
    return new HeimdexError(idOf(reason), message, { cause: reason });
  }
}

function idOf(reason: unknown): ErrorId {
  if (!(reason instanceof Error)) return "INTERNAL";
  if (reason.name === "AbortError") return "CANCELLED";
  if (reason.name === "TimeoutError") return "DEADLINE_EXCEEDED";
  const { code } = reason as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT" ? "DISK_FULL" : "INTERNAL";
}

export interface SerializedError {
  readonly id: string;
  readonly message: string;
  readonly help: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly FieldViolation[];
  readonly retry_after_ms?: number;
}
