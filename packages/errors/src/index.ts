export { isLostConnection, isUntrusted, Silence } from "./connection-codes.ts";
export { errorClientMiddleware, errorServerMiddleware } from "./grpc-middleware.ts";
export { type ErrorOptions, type FieldViolation, HeimdexError, type SerializedError } from "./heimdex-error.ts";
export { ERRORS, type ErrorId, GRPC_CODE, type GrpcCode, isErrorId } from "./registry.ts";
export { decodeStatus, ERROR_DOMAIN, encodeStatus, STATUS_DETAILS_TRAILER, toStatus } from "./wire.ts";
