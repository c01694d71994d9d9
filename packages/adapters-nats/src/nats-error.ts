import { HeimdexError } from "@heimdex/errors";
import { errors } from "@nats-io/transport-node";
import { isUnheard } from "./event-stream.ts";

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
  if (isUnheard(reason))
    return raise("keeps no events", "Start it with JetStream: `jetstream { store_dir: ... }` in its configuration.");
  return raise(`failed: ${reason instanceof Error ? reason.message : String(reason)}`);
}
