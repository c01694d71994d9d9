import { randomBytes } from "node:crypto";
import type { MinioServer } from "@heimdex/testing-servers";
import type { S3Options } from "../options.ts";

/** Options for a bucket that does not exist yet. Test code only. */
export function freshBucket({ endpoint, accessKey, secretKey }: MinioServer): S3Options {
  return { endpoint, accessKey, secretKey, bucket: `heimdex-${randomBytes(6).toString("hex")}` };
}
