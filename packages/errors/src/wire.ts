import type { Any } from "@heimdex/contracts/google/protobuf/any";
import { BadRequest, ErrorInfo, RetryInfo } from "@heimdex/contracts/google/rpc/error_details";
import { Status } from "@heimdex/contracts/google/rpc/status";
import { HeimdexError } from "./heimdex-error.ts";
import { type ErrorId, GRPC_CODE, isErrorId } from "./registry.ts";

/** Domain of every ErrorInfo of ours. */
export const ERROR_DOMAIN = "heimdex.dev";
/** Trailer that carries google.rpc.Status, as all gRPC implementations agree. */
export const STATUS_DETAILS_TRAILER = "grpc-status-details-bin";

/** Trailers are headers, of which other implementations take 8 KiB in all: what is longer would reach nobody. Characters. */
const MAX_MESSAGE = 1_500;
const MAX_DESCRIPTION = 300;
const MAX_VIOLATIONS = 24;

/** The message as it goes over the wire. */
export function wireMessage({ message }: HeimdexError): string {
  return cut(message, MAX_MESSAGE);
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}...`;
}

const typeUrl = (name: string) => `type.googleapis.com/google.rpc.${name}`;

/** google.rpc.Status with exactly one ErrorInfo, its help under metadata `help`, and BadRequest and RetryInfo where they apply. What is long is cut. */
export function toStatus(error: HeimdexError): Status {
  const details: Any[] = [
    {
      typeUrl: typeUrl("ErrorInfo"),
      value: Buffer.from(
        ErrorInfo.encode({
          reason: error.id,
          domain: ERROR_DOMAIN,
          metadata: { ...error.metadata, help: error.help },
        }).finish(),
      ),
    },
  ];
  if (error.fields.length > 0) {
    const fieldViolations = error.fields.slice(0, MAX_VIOLATIONS).map(({ field, description }) => ({
      field: cut(field, MAX_DESCRIPTION),
      description: cut(description, MAX_DESCRIPTION),
      reason: "",
      localizedMessage: undefined,
    }));
    details.push({
      typeUrl: typeUrl("BadRequest"),
      value: Buffer.from(BadRequest.encode({ fieldViolations }).finish()),
    });
  }
  if (error.retryAfterMs !== undefined) {
    const nanos = Math.round(error.retryAfterMs * 1e6);
    const retryDelay = { seconds: Math.floor(nanos / 1e9), nanos: nanos % 1e9 };
    details.push({ typeUrl: typeUrl("RetryInfo"), value: Buffer.from(RetryInfo.encode({ retryDelay }).finish()) });
  }
  return { code: GRPC_CODE[error.code], message: wireMessage(error), details };
}

export function encodeStatus(error: HeimdexError): Uint8Array {
  return Status.encode(toStatus(error)).finish();
}

/** The error a peer sent; undefined when the bytes are not of our domain, or no google.rpc.Status at all. An id this version does not know becomes
 * INTERNAL, the id before the message. */
export function decodeStatus(bytes: Uint8Array): HeimdexError | undefined {
  const parts = decodeParts(bytes);
  if (parts === undefined || parts.info?.domain !== ERROR_DOMAIN) return undefined;
  const { message, info, violations, delay } = parts;
  const { help, ...metadata } = info.metadata;
  const known = isErrorId(info.reason);
  return new HeimdexError(
    known ? (info.reason as ErrorId) : "INTERNAL",
    known ? message : `${info.reason}: ${message}`,
    {
      metadata,
      fields: violations.map(({ field, description }) => ({ field, description })),
      ...(help === undefined ? {} : { help }),
      ...(delay === undefined ? {} : { retryAfterMs: delay.seconds * 1000 + delay.nanos / 1e6 }),
    },
  );
}

function decodeParts(bytes: Uint8Array) {
  try {
    const status = Status.decode(bytes);
    const find = (name: string) => status.details.find((detail) => detail.typeUrl === typeUrl(name))?.value;
    const [info, badRequest, retry] = [find("ErrorInfo"), find("BadRequest"), find("RetryInfo")];
    return {
      message: status.message,
      info: info === undefined ? undefined : ErrorInfo.decode(info),
      violations: badRequest === undefined ? [] : BadRequest.decode(badRequest).fieldViolations,
      delay: retry === undefined ? undefined : RetryInfo.decode(retry).retryDelay,
    };
  } catch (reason) {
    // What protobuf throws at bytes that are none; a peer's odd trailer must not hide the error it came with.
    if (reason instanceof Error) return undefined;
    throw reason;
  }
}
