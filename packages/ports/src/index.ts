export type { BlobKey, Blobs, ByteRange, Stored, UploadKey } from "./blobs.ts";
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
export {
  type AssetRows,
  type MomentFilter,
  type MomentIndex,
  type MomentRow,
  type Scored,
  TEXT_FIELDS,
  type TextField,
} from "./moment-index.ts";
