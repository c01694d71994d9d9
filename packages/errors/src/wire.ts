import type { Any } from "@heimdex/contracts/google/protobuf/any";
import { BadRequest, ErrorInfo, RetryInfo } from "@heimdex/contracts/google/rpc/error_details";
import { Status } from "@heimdex/contracts/google/rpc/status";
import { HeimdexError } from "./heimdex-error.ts";
import { ERRORS, type ErrorId, GRPC_CODE } from "./registry.ts";

/** Domain of every ErrorInfo of ours. */
export const ERROR_DOMAIN = "heimdex.dev";
/** Trailer that carries google.rpc.Status, as all gRPC implementations agree. */
export const STATUS_DETAILS_TRAILER = "grpc-status-details-bin";

const typeUrl = (name: string) => `type.googleapis.com/google.rpc.${name}`;

/** google.rpc.Status with exactly one ErrorInfo, its help under metadata `help`, and BadRequest and RetryInfo where they apply. */
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
    const fieldViolations = error.fields.map((violation) => ({
      ...violation,
      reason: "",
      localizedMessage: undefined,
    }));
    details.push({
      typeUrl: typeUrl("BadRequest"),
      value: Buffer.from(BadRequest.encode({ fieldViolations }).finish()),
    });
  }
  if (error.retryAfterMs !== undefined) {
    const retryDelay = {
      seconds: Math.floor(error.retryAfterMs / 1000),
      nanos: Math.round((error.retryAfterMs % 1000) * 1e6),
    };
    details.push({ typeUrl: typeUrl("RetryInfo"), value: Buffer.from(RetryInfo.encode({ retryDelay }).finish()) });
  }
  return { code: GRPC_CODE[error.code], message: error.message, details };
}

export function encodeStatus(error: HeimdexError): Uint8Array {
  return Status.encode(toStatus(error)).finish();
}

/** The error a peer sent; undefined when the bytes are not of our domain. */
export function decodeStatus(bytes: Uint8Array): HeimdexError | undefined {
  const status = Status.decode(bytes);
  const find = (name: string) => status.details.find((detail) => detail.typeUrl === typeUrl(name))?.value;
  const infoBytes = find("ErrorInfo");
  if (infoBytes === undefined) return undefined;
  const info = ErrorInfo.decode(infoBytes);
  if (info.domain !== ERROR_DOMAIN) return undefined;
  const { help, ...metadata } = info.metadata;
  const fieldBytes = find("BadRequest");
  const retryBytes = find("RetryInfo");
  const delay = retryBytes === undefined ? undefined : RetryInfo.decode(retryBytes).retryDelay;
  const known = info.reason in ERRORS;
  return new HeimdexError(
    known ? (info.reason as ErrorId) : "INTERNAL",
    known ? status.message : `${info.reason}: ${status.message}`,
    {
      metadata,
      ...(help === undefined ? {} : { help }),
      ...(fieldBytes === undefined
        ? {}
        : {
            fields: BadRequest.decode(fieldBytes).fieldViolations.map(({ field, description }) => ({
              field,
              description,
            })),
          }),
      ...(delay === undefined ? {} : { retryAfterMs: delay.seconds * 1000 + delay.nanos / 1e6 }),
    },
  );
}
