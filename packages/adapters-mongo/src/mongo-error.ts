import { HeimdexError } from "@heimdex/errors";
import { MongoError, MongoParseError, MongoServerError, MongoServerSelectionError } from "mongodb";

/** Error codes of the server (https://www.mongodb.com/docs/manual/reference/error-codes/). */
const DUPLICATE_KEY = 11000;
const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;
const NAMESPACE_NOT_FOUND = 26;
const OUT_OF_DISK_SPACE = 14031;

/** @param reason what the driver threw, or one of the errors of a bulk */
export function isDuplicateKey(reason: unknown): boolean {
  return (reason as { code?: unknown }).code === DUPLICATE_KEY;
}

export function isNoCollection(reason: unknown): boolean {
  return reason instanceof MongoServerError && reason.code === NAMESPACE_NOT_FOUND;
}

/** What went wrong between us and the server, as one of ours; the cause is kept. A HeimdexError stays itself.
 * @param place the catalog's servers and database, without credentials */
export function fromMongo(reason: unknown, place: string): HeimdexError {
  if (!(reason instanceof MongoError)) return HeimdexError.from(reason);
  const code = reason instanceof MongoServerError ? reason.code : undefined;
  const metadata = {
    catalog: place,
    mongo_error: reason.name,
    ...(code === undefined ? {} : { mongo_code: String(code) }),
  };
  const raise = (what: string, help?: string) =>
    new HeimdexError("CATALOG_UNAVAILABLE", `the catalog ${place} ${what}`, {
      cause: reason,
      metadata,
      ...(help === undefined ? {} : { help }),
    });
  if (reason instanceof MongoServerSelectionError)
    return isAuthentication(reason.reason?.error) || isAuthentication(reason.cause)
      ? refused(raise)
      : raise(`cannot be reached (${reason.message})`, "Look whether MongoDB runs, and whether its address is right.");
  if (reason instanceof MongoParseError) return raise(`has an address that is none (${reason.message})`);
  switch (code) {
    case OUT_OF_DISK_SPACE:
      return new HeimdexError("DISK_FULL", `no room for the catalog ${place}`, { cause: reason, metadata });
    case UNAUTHORIZED:
    case AUTHENTICATION_FAILED:
      return refused(raise);
    default:
      return raise(`failed: ${reason.message}`);
  }
}

function isAuthentication(reason: unknown): boolean {
  return reason instanceof MongoServerError && reason.code === AUTHENTICATION_FAILED;
}

function refused(raise: (what: string, help: string) => HeimdexError): HeimdexError {
  return raise("refused the user", "Check user and password, and that the user may read and write the database.");
}
