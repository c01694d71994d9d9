export { type ErrorOptions, type FieldViolation, HeimdexError, type SerializedError } from "./heimdex-error.ts";
export { ERRORS, type ErrorId, GRPC_CODE, type GrpcCode } from "./registry.ts";
