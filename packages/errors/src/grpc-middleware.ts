import {
  type CallContext,
  ClientError,
  type ClientMiddleware,
  Status as GrpcStatus,
  ServerError,
  type ServerMiddleware,
  type ServerMiddlewareCall,
} from "nice-grpc-common";
import { HeimdexError } from "./heimdex-error.ts";
import { GRPC_CODE } from "./registry.ts";
import { decodeStatus, encodeStatus, STATUS_DETAILS_TRAILER, wireMessage } from "./wire.ts";

/** Server side: whatever a handler throws reaches the caller as google.rpc.Status. `onError` sees each error first, for the log. */
export function errorServerMiddleware(onError: (error: HeimdexError, path: string) => void): ServerMiddleware {
  return async function* errors<Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | undefined, undefined> {
    try {
      return (yield* call.next(call.request, context)) as Response | undefined;
    } catch (reason) {
      if (reason instanceof ServerError) throw reason;
      const error = HeimdexError.from(reason);
      onError(error, call.method.path);
      context.trailer.set(STATUS_DETAILS_TRAILER, encodeStatus(error));
      throw new ServerError(GRPC_CODE[error.code] as GrpcStatus, wireMessage(error));
    }
  };
}

/** Client side: calls reject with the HeimdexError the server threw; errors of the transport become UNAVAILABLE, DEADLINE_EXCEEDED or CANCELLED. */
export const errorClientMiddleware: ClientMiddleware = async function* errors(call, options) {
  let details: Uint8Array | undefined;
  try {
    return yield* call.next(call.request, {
      ...options,
      onTrailer(trailer) {
        details = trailer.get(STATUS_DETAILS_TRAILER);
        options.onTrailer?.(trailer);
      },
    });
  } catch (reason) {
    if (!(reason instanceof ClientError)) throw reason;
    throw (details === undefined ? undefined : decodeStatus(details)) ?? fromTransport(reason);
  }
};

function fromTransport(error: ClientError): HeimdexError {
  const message = `${error.path}: ${error.details}`;
  switch (error.code) {
    case GrpcStatus.CANCELLED:
      return new HeimdexError("CANCELLED", message, { cause: error });
    case GrpcStatus.DEADLINE_EXCEEDED:
      return new HeimdexError("DEADLINE_EXCEEDED", message, { cause: error });
    case GrpcStatus.UNAVAILABLE:
      return new HeimdexError("UNAVAILABLE", message, { cause: error });
    case GrpcStatus.INVALID_ARGUMENT:
      return new HeimdexError("INVALID_ARGUMENT", message, { cause: error });
    case GrpcStatus.UNAUTHENTICATED:
      return new HeimdexError("UNAUTHENTICATED", message, { cause: error });
    case GrpcStatus.PERMISSION_DENIED:
      return new HeimdexError("PERMISSION_DENIED", message, { cause: error });
    case GrpcStatus.RESOURCE_EXHAUSTED:
      return new HeimdexError("BLOB_TOO_LARGE", message, { cause: error });
    default:
      return new HeimdexError("INTERNAL", message, { cause: error });
  }
}
