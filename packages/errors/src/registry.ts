/** gRPC status codes by name, as google.rpc.Code numbers them. */
export const GRPC_CODE = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type GrpcCode = keyof typeof GRPC_CODE;

interface Entry {
  readonly code: GrpcCode;
  /** What it means. */
  readonly meaning: string;
  /** What to do next, unless the place that raises it knows better. */
  readonly help: string;
}
const entry = (code: GrpcCode, meaning: string, help: string): Entry => ({ code, meaning, help });

/** Every error Heimdex raises, by stable id. Ids are never reused. docs/reference/errors.md lists the same ids. */
export const ERRORS = {
  INTERNAL: entry(
    "INTERNAL",
    "Something failed that should not.",
    "Look at the log (`heimdex logs`) and report it with the trace id.",
  ),
  INVALID_ARGUMENT: entry(
    "INVALID_ARGUMENT",
    "A field of the request is not as it must be.",
    "Correct the named fields.",
  ),
  NOT_FOUND: entry("NOT_FOUND", "There is no such thing.", "Check the name; list what there is."),
  ALREADY_EXISTS: entry("ALREADY_EXISTS", "It exists already.", "Use another name, or the existing one."),
  UNAVAILABLE: entry(
    "UNAVAILABLE",
    "A service cannot be reached just now.",
    "Try again; `heimdex status` shows what is up.",
  ),
  DEADLINE_EXCEEDED: entry("DEADLINE_EXCEEDED", "It took longer than allowed.", "Try again."),
  CANCELLED: entry("CANCELLED", "The caller gave it up.", "Nothing."),
  CONFIG_INVALID: entry("INVALID_ARGUMENT", "A setting is not as it must be.", "Correct the named settings."),
  PORT_IN_USE: entry("FAILED_PRECONDITION", "Another program listens on the port.", "Stop it, or choose another port."),
  DATA_VERSION_NEWER: entry(
    "FAILED_PRECONDITION",
    "A newer Heimdex wrote this data directory or catalog.",
    "Use that version or a newer one.",
  ),
  DATA_LOCKED: entry(
    "FAILED_PRECONDITION",
    "Another process holds the data directory and does not answer.",
    "Wait, or stop that process.",
  ),
  DISK_FULL: entry(
    "RESOURCE_EXHAUSTED",
    "There is no room left on the disk.",
    "Free some space; work goes on by itself.",
  ),
  CATALOG_UNAVAILABLE: entry("UNAVAILABLE", "The catalog cannot be reached.", "Look after the database."),
  CATALOG_CLOSED: entry("FAILED_PRECONDITION", "The catalog is closed.", "Open it again."),
  CATALOG_DOCUMENT_TOO_LARGE: entry(
    "RESOURCE_EXHAUSTED",
    "A document exceeds 256 KiB.",
    "Report it: documents are meant to be bounded.",
  ),
  CATALOG_QUERY_INVALID: entry("INVALID_ARGUMENT", "A catalog query is out of its bounds.", "Correct it."),
  BUS_UNAVAILABLE: entry(
    "UNAVAILABLE",
    "The bus between the services cannot be reached.",
    "Look after NATS; the connection comes back by itself.",
  ),
  BUS_NO_RESPONDER: entry("UNAVAILABLE", "Nobody answers requests of this kind.", "Start the service that does."),
  BUS_TIMEOUT: entry("DEADLINE_EXCEEDED", "No answer came in time.", "Try again."),
  BUS_CLOSED: entry("FAILED_PRECONDITION", "The bus is closed.", "Open it again."),
  BLOB_NOT_FOUND: entry("NOT_FOUND", "There is no such blob.", "Index the asset again."),
  BLOB_KEY_INVALID: entry("INVALID_ARGUMENT", "A blob's key is malformed.", "Correct it."),
  BLOB_DIGEST_MISMATCH: entry("DATA_LOSS", "Bytes differ from their stated size or SHA-256.", "Send them again."),
  BLOB_RANGE_INVALID: entry(
    "OUT_OF_RANGE",
    "The byte range is not within the blob.",
    "Ask for a range within its size.",
  ),
  BLOB_UNAVAILABLE: entry("UNAVAILABLE", "The blob store cannot be reached.", "Look after the store."),
  BLOB_STORE_REFUSED: entry(
    "FAILED_PRECONDITION",
    "The blob store refuses what Heimdex asks of it: key, permissions, region or bucket are not as they must be.",
    "Correct the settings of the store.",
  ),
  BLOB_TOO_LARGE: entry("RESOURCE_EXHAUSTED", "More bytes came than allowed.", "Put out less, or raise the limit."),
  INDEX_UNAVAILABLE: entry("UNAVAILABLE", "The search index cannot be used.", "Rebuild it: `heimdex reindex`."),
  INDEX_FENCED: entry("ABORTED", "Another process writes the search index by now.", "Nothing: that one writes it."),
  INDEX_CLOSED: entry("FAILED_PRECONDITION", "The search index is closed.", "Open it again."),
  STAGE_INVALID: entry("INVALID_ARGUMENT", "A stage's manifest is not as it must be.", "Correct the named field."),
  MANIFEST_CHANGED: entry(
    "FAILED_PRECONDITION",
    "The same stage name and version was registered with another manifest.",
    "Raise the stage's version.",
  ),
  STAGE_CYCLE: entry(
    "FAILED_PRECONDITION",
    "The stage's ports would close a cycle.",
    "Change its input or output ports.",
  ),
  STAGE_AMBIGUOUS: entry(
    "FAILED_PRECONDITION",
    "Two stages put out what one port takes.",
    "Choose one in the configuration, or retire one.",
  ),
  PROTOCOL_UNSUPPORTED: entry(
    "FAILED_PRECONDITION",
    "Server and worker share no protocol version.",
    "Update the older of the two.",
  ),
  SESSION_UNKNOWN: entry(
    "FAILED_PRECONDITION",
    "The server does not know this session (any more).",
    "Open a new session and register again.",
  ),
  LEASE_SUPERSEDED: entry("ABORTED", "The attempt is no longer this worker's to write.", "Drop the work."),
  LEASE_UNKNOWN: entry("NOT_FOUND", "There is no such lease.", "Drop the work."),
  OUTPUT_INVALID: entry("INVALID_ARGUMENT", "An output is not what the stage declared.", "Correct the named field."),
  UNAUTHENTICATED: entry(
    "UNAUTHENTICATED",
    "The call carries no valid key or token.",
    "Give a key that is good: `HEIMDEX_KEY_FILE` for the command line, `Authorization: Bearer KEY` elsewhere.",
  ),
  PERMISSION_DENIED: entry(
    "PERMISSION_DENIED",
    "The key or token does not reach this.",
    "Use one with a role that does; an admin makes them with `heimdex keys create`.",
  ),
  RATE_LIMITED: entry(
    "RESOURCE_EXHAUSTED",
    "The key calls more often than it may.",
    "Wait as long as the answer says, and call again.",
  ),
  QUOTA_EXCEEDED: entry(
    "RESOURCE_EXHAUSTED",
    "More is under way than one tenant may have.",
    "Wait until some of it has ended, and call again.",
  ),
  KEY_NOT_FOUND: entry("NOT_FOUND", "There is no such key.", "`heimdex keys ls` lists them."),
  KEY_REVOKED: entry(
    "FAILED_PRECONDITION",
    "The key has been revoked, for good.",
    "Make a new one: `heimdex keys create`.",
  ),
  ORIGIN_REFUSED: entry(
    "PERMISSION_DENIED",
    "A web page from elsewhere tried to use the local API.",
    "Open Heimdex's own address.",
  ),
  NOT_LOOPBACK: entry(
    "FAILED_PRECONDITION",
    "Listening beyond this machine needs callers who show keys, and none are asked for.",
    "Ask for keys with HEIMDEX_AUTH_REQUIRED=true, or listen on 127.0.0.1.",
  ),
  SOURCE_NOT_FOUND: entry("NOT_FOUND", "There is nothing at this path or address.", "Check it."),
  SOURCE_UNREADABLE: entry(
    "PERMISSION_DENIED",
    "The source cannot be read.",
    "Give read permission to the user Heimdex runs as, or to the key of the bucket.",
  ),
  SOURCE_REFUSED: entry(
    "PERMISSION_DENIED",
    "The tenant may not name files or objects there.",
    "Put the film into a folder of the tenant's, or ask whoever runs the platform.",
  ),
  SOURCE_ADDRESS_REFUSED: entry(
    "PERMISSION_DENIED",
    "A source's address is that of a private network, or of the machine itself.",
    "Give a source of the world outside. Hosts of one's own are named by HEIMDEX_SOURCES_PRIVATE_HOSTS.",
  ),
  SOURCE_UNAVAILABLE: entry(
    "UNAVAILABLE",
    "The server that has the source cannot be reached, or does not give it just now.",
    "Try again later; if it goes on, ask whoever runs that server.",
  ),
  SOURCE_TOO_LARGE: entry(
    "RESOURCE_EXHAUSTED",
    "The source is larger than what is taken.",
    "Raise the limit, or bring the file to the server's own folders.",
  ),
  UPLOAD_NOT_FOUND: entry(
    "NOT_FOUND",
    "There is no such upload, nothing of it has come, or its life is over.",
    "Announce it anew: UploadService.CreateUpload.",
  ),
  UPLOAD_CORRUPT: entry(
    "INVALID_ARGUMENT",
    "What came is not what was announced: its size or its SHA-256 is another.",
    "Send it again, when nobody writes to the file any more.",
  ),
  SOURCE_EMPTY: entry(
    "FAILED_PRECONDITION",
    "The folder holds no media files.",
    "Check the folder, or name the files.",
  ),
  SOURCE_CHANGED: entry(
    "ABORTED",
    "The source changed while it was read.",
    "Index it again once it is no longer written to.",
  ),
  SOURCE_MISSING: entry("FAILED_PRECONDITION", "The source has vanished.", "Bring it back, or remove the asset."),
  SOURCE_UNSUPPORTED: entry(
    "INVALID_ARGUMENT",
    "This kind of source cannot be read.",
    "Give a file, or the address of a film.",
  ),
  JOB_NOT_FOUND: entry("NOT_FOUND", "There is no such job.", "`heimdex jobs ls` lists them."),
  JOB_ENDED: entry("FAILED_PRECONDITION", "The job has ended already.", "`heimdex retry` runs what failed again."),
  ASSET_NOT_FOUND: entry("NOT_FOUND", "There is no such asset.", "`heimdex assets ls` lists them."),
  ASSET_BUSY: entry("FAILED_PRECONDITION", "A job for this asset is under way.", "Wait for it, or cancel it."),
  MOMENT_NOT_FOUND: entry(
    "NOT_FOUND",
    "There is no such moment, or nothing to compare it by.",
    "Take the id of a moment from a search's results, and search anew after the archive has changed.",
  ),
  IMAGE_UNREADABLE: entry(
    "INVALID_ARGUMENT",
    "The picture cannot be read.",
    "Send a JPEG, PNG or WebP that opens elsewhere.",
  ),
  SIDECAR_NOT_FOUND: entry("NOT_FOUND", "The asset has no sidecar yet.", "Wait for its job, or index it."),
  SIDECAR_INVALID: entry("INTERNAL", "A sidecar does not fit its schema.", "Report it with the sidecar's name."),
  NO_WORKER: entry(
    "UNAVAILABLE",
    "No worker for this stage is connected.",
    "Start its service; `heimdex stages` shows what is there.",
  ),
  NO_MODEL: entry("FAILED_PRECONDITION", "A model is missing.", "`heimdex models pull bundled`."),
  MODEL_IN_USE: entry(
    "FAILED_PRECONDITION",
    "A stage of this data directory is set to the model.",
    "Set it to another one first: `heimdex models use STAGE=ID`.",
  ),
  MODEL_UNUSABLE: entry(
    "FAILED_PRECONDITION",
    "A stage cannot run with the model it is set to.",
    "`heimdex models doctor` says what is wrong with it.",
  ),
  MODEL_FETCH_FAILED: entry(
    "UNAVAILABLE",
    "A model could not be fetched.",
    "Check the network and run `heimdex models pull` again.",
  ),
  MODEL_CORRUPT: entry(
    "DATA_LOSS",
    "A model's files are not what they must be.",
    "`heimdex models pull` fetches them again.",
  ),
  NO_FFMPEG: entry(
    "FAILED_PRECONDITION",
    "ffmpeg was not found.",
    "Install ffmpeg (Debian: apt install ffmpeg; macOS: brew install ffmpeg).",
  ),
  FFMPEG_UNUSABLE: entry(
    "UNAVAILABLE",
    "ffmpeg is there and does not answer.",
    "Run `ffmpeg -version`; where the machine was only busy, try again.",
  ),
  POOL_CHANGED: entry(
    "ABORTED",
    "A pool of workers was changed by somebody else while its size was being set.",
    "Nothing: the autoscaler looks at it again in its next round.",
  ),
  TOOL_FAILED: entry("INTERNAL", "A program that Heimdex runs failed.", "See its last lines."),
} as const satisfies Record<string, Entry>;

export type ErrorId = keyof typeof ERRORS;

/** Whether this version knows the id. */
export function isErrorId(id: string): id is ErrorId {
  return Object.hasOwn(ERRORS, id);
}
