export {
  checkAttempt,
  checkBlobKey,
  checkListing,
  checkName,
  checkRange,
  checkTenant,
  checkUploadKey,
} from "./blob-checks.ts";
export type { BlobKey, Blobs, ByteRange, Reach, Stored, UploadKey } from "./blobs.ts";
export type { Bus, Subscription } from "./bus.ts";
export {
  type Catalog,
  COLLECTIONS,
  type Collection,
  type Document,
  type FindQuery,
  MAX_DOCUMENT_BYTES,
  type WriteOp,
  type WriteResult,
} from "./catalog.ts";
export { CATALOG_LIMITS, checkCollection, checkFind, checkIds, checkTerm, checkWrites } from "./catalog-checks.ts";
export type { ArchiveEvent, EventLog } from "./event-log.ts";
export {
  type AssetRows,
  type FieldFilter,
  type IndexedMoment,
  type MomentFilter,
  type MomentIndex,
  type MomentList,
  type MomentRow,
  type NumberRange,
  type Scored,
  TEXT_FIELDS,
  type TextField,
  textOf,
} from "./moment-index.ts";
export { readAll } from "./read-all.ts";
export { type Bound, receive } from "./receive.ts";
export {
  checkPattern,
  checkSubject,
  encodePayload,
  MAX_PAYLOAD_BYTES,
  subjectMatcher,
} from "./subject.ts";
