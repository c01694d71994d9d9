import { ERROR_DOMAIN, type GRPC_CODE, HeimdexError } from "@heimdex/errors";

/** HTTP status of each gRPC code, as google/rpc/code.proto maps them. */
const HTTP_STATUS = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
} as const satisfies Record<keyof typeof GRPC_CODE, number>;

/** An error with an HTTP status or headers of its own, where HTTP says more than gRPC's codes can: 405 with `Allow`, 413, 415, 416. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly error: HeimdexError;

  constructor(status: number, error: HeimdexError, headers: Readonly<Record<string, string>> = {}) {
    super(error.message, { cause: error });
    this.status = status;
    this.headers = headers;
    this.error = error;
  }

  static from(reason: unknown): HttpError {
    if (reason instanceof HttpError) return reason;
    const error = HeimdexError.from(reason);
    const headers: Record<string, string> = {};
    if (error.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
    return new HttpError(HTTP_STATUS[error.code], error, headers);
  }
}

/** The body of an error's answer: google.rpc.Status as Google's JSON APIs write it. */
export function errorJson({ status, error }: HttpError): object {
  const details: object[] = [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: error.id,
      domain: ERROR_DOMAIN,
      metadata: { ...error.metadata, help: error.help },
    },
  ];
  if (error.fields.length > 0)
    details.push({ "@type": "type.googleapis.com/google.rpc.BadRequest", field_violations: error.fields });
  if (error.retryAfterMs !== undefined)
    details.push({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retry_delay: `${error.retryAfterMs / 1000}s` });
  return { error: { code: status, status: error.code, message: error.message, details } };
}
