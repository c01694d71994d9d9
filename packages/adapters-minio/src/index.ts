export { Bucket } from "./bucket.ts";
export { resolveS3Options, type S3Options } from "./options.ts";
export { S3Blobs } from "./s3-blobs.ts";
