/** Names immutable bytes by content. */
export interface BlobKey {
  /** `[a-z0-9][a-z0-9_-]{0,62}`. */
  readonly tenant: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** Where a worker puts an output before it is verified: `uploads/<attempt>/<n>`. */
export interface UploadKey {
  readonly tenant: string;
  /** Id of the attempt, `[A-Za-z0-9_-]{1,128}`. */
  readonly attempt: string;
  readonly n: number;
}

/** Where a URL is to be used: within the network of the store and this process, or from elsewhere (a browser, a worker outside), by the store's public address. */
export type Reach = "inside" | "outside";

/** Half-open byte range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface Stored {
  readonly sha256: string;
  readonly size: number;
}

/** Immutable bytes named by content, uploads on their way there, and named documents (sidecars).
 * An aborted call rejects with `signal.reason`. A full disk rejects with DISK_FULL, and nothing half-written is ever seen under a key. What a
 * resolved call stored survives kill -9 and power loss (an upload not yet committed: kill -9; power loss may take it away, not change it). Tenants never see each other's bytes. Malformed keys reject with BLOB_KEY_INVALID. */
export interface Blobs extends AsyncDisposable {
  /** Idempotent; the bytes are read and verified also when the blob is there. Rejects with BLOB_DIGEST_MISMATCH and keeps nothing when size or SHA-256 differ from `key`. */
  put(key: BlobKey, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  has(key: BlobKey): Promise<boolean>;
  /** Rejects with BLOB_NOT_FOUND; with BLOB_RANGE_INVALID when the range is not within the blob
   * (an empty range within it is fine). Holds nothing open before the first chunk is asked for, nor after the iteration ends. */
  get(key: BlobKey, range?: ByteRange, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** A missing blob is fine. */
  delete(key: BlobKey): Promise<void>;

  /** Stores an upload and says what came. A second upload under the same key replaces the first. Rejects with BLOB_TOO_LARGE once more than
   * `maxBytes` came, and keeps nothing then. */
  upload(key: UploadKey, bytes: AsyncIterable<Uint8Array>, maxBytes: number, signal?: AbortSignal): Promise<Stored>;
  /** Verifies an upload's digest and makes it the blob `expected`; the upload is gone then. Idempotent: an upload already committed is fine.
   * Rejects with BLOB_NOT_FOUND (no such upload and no such blob) or BLOB_DIGEST_MISMATCH (the upload is then removed). */
  commitUpload(key: UploadKey, expected: BlobKey): Promise<void>;
  /** Removes an attempt's uploads. */
  dropUploads(tenant: string, attempt: string): Promise<void>;
  /** Removes a tenant's uploads that nothing was written to for `idleMs`, and what calls that never ended left of theirs. For uploads that came after
   * their attempt was dropped. */
  dropStaleUploads(tenant: string, idleMs: number): Promise<void>;

  /** Named bytes such as `sidecars/<asset>/<revision>.json`, written whole or not at all; overwrites. Name: 1..8 segments of `[A-Za-z0-9._-]+`, none `.` or `..`.
   * No name may lie below another (`a` and `a/b`): BLOB_KEY_INVALID where the store cannot hold both. */
  putNamed(tenant: string, name: string, bytes: Uint8Array): Promise<void>;
  /** The same, but only where nothing has that name. False, and nothing is written, when something has: of any number of calls at once one is answered true. */
  createNamed(tenant: string, name: string, bytes: Uint8Array): Promise<boolean>;
  /** Undefined when absent. */
  getNamed(tenant: string, name: string): Promise<Uint8Array | undefined>;
  /** Names that begin with `prefix`, ordered by their bytes, at most `limit` (1..1000) of those behind `after`. */
  listNamed(tenant: string, prefix: string, after: string | undefined, limit: number): Promise<string[]>;
  deleteNamed(tenant: string, name: string): Promise<void>;

  /** A path on this machine where the blob can be read, when the store is a local folder; else undefined. Never write to it. */
  localPath(key: BlobKey): string | undefined;
  /** A path on this machine where a worker may write the upload itself, when the store is a local folder; else undefined. Creates the folder. */
  localUploadPath(key: UploadKey): Promise<string | undefined>;
  /** A URL that gives the blob's bytes (GET, with ranges) to whoever has it within `reach`, for `lifeMs` (rounded up to seconds, at most 7 days);
   * undefined when the store serves none. Whether the blob is there is not looked at. */
  presignGet(key: BlobKey, lifeMs: number, reach: Reach): Promise<string | undefined>;
  /** A URL that takes an upload of exactly `size` bytes (PUT, with Content-Length) for `lifeMs`, as above; undefined when the store takes none, or none
   * of this size. */
  presignPut(key: UploadKey, size: number, lifeMs: number, reach: Reach): Promise<string | undefined>;
  /** Bytes held, by kind, for `status`. Of a large store it may be some minutes old. */
  usage(tenant: string): Promise<{ readonly cas: number; readonly uploads: number; readonly sidecars: number }>;
  /** Bytes free where blobs are stored; undefined where unlimited or unknown. */
  freeBytes(): Promise<number | undefined>;
}
