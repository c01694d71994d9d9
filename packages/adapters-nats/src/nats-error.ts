import { HeimdexError } from "@heimdex/errors";
import { JetStreamApiCodes, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";

/** `err_code` of JetStream: a stream of that name has another configuration; it has all the messages it may have. */
const STREAM_NAME_IN_USE = 10058;
const MAXIMUM_MESSAGES = 10077;

/** The server keeps one hint of the id already, or as many hints as it may. */
export function isFull(reason: unknown): boolean {
  return reason instanceof JetStreamApiError && reason.code === MAXIMUM_MESSAGES;
}

export function isOtherConfiguration(reason: unknown): boolean {
  return reason instanceof JetStreamApiError && reason.code === STREAM_NAME_IN_USE;
}

/** What may be because the server has lost its streams: nobody answers for them, or it says that they are not there. */
export function isLost(reason: unknown): boolean {
  if (reason instanceof JetStreamApiError)
    return reason.code === JetStreamApiCodes.StreamNotFound || reason.code === JetStreamApiCodes.ConsumerNotFound;
  return isNotEnabled(reason) || reason instanceof JetStreamError || reason instanceof errors.TimeoutError;
}

/** How NATS's client puts it that nobody answers a request to JetStream. It does not export the class. */
function isNotEnabled(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "JetStreamNotEnabled";
}

/** What went wrong between us and the server, as one of ours; the cause is kept. A HeimdexError stays itself.
 * @param servers without credentials */
export function fromNats(reason: unknown, servers: string): HeimdexError {
  if (reason instanceof HeimdexError) return reason;
  const metadata = { servers };
  if (reason instanceof errors.InvalidArgumentError)
    return new HeimdexError("INVALID_ARGUMENT", `NATS at ${servers} does not take this: ${reason.message}`, {
      cause: reason,
      metadata,
    });
  const raise = (what: string, help?: string) =>
    new HeimdexError("BUS_UNAVAILABLE", `NATS at ${servers} ${what}`, {
      cause: reason,
      metadata,
      ...(help === undefined ? {} : { help }),
    });
  if (reason instanceof errors.AuthorizationError || reason instanceof errors.UserAuthenticationExpiredError)
    return raise("refused the user", "Check user and password.");
  if (reason instanceof errors.PermissionViolationError)
    return raise(`does not permit ${reason.operation} on ${reason.subject}`, "Give the user that permission.");
  if (isNotEnabled(reason)) return raise("has no JetStream", "Start the server with JetStream (`--jetstream`).");
  return raise(`failed: ${reason instanceof Error ? reason.message : String(reason)}`);
}
