import { after } from "node:test";
import { blobsConformance } from "@heimdex/ports/conformance";
import { startMinio } from "@heimdex/testing-servers";
import { S3Blobs } from "./s3-blobs.ts";
import { freshBucket } from "./testing/fresh-bucket.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());

blobsConformance("S3Blobs on MinIO", async (t) => {
  const options = freshBucket(server);
  const connect = async () => {
    const blobs = await S3Blobs.open(options);
    t.after(() => blobs[Symbol.asyncDispose]());
    return blobs;
  };
  return { blobs: await connect(), connect };
});
