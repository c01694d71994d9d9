import { after } from "node:test";
import { blobsConformance } from "@heimdex/ports/conformance";
import { startMinio } from "@heimdex/testing-servers";
import { S3Blobs } from "./s3-blobs.ts";
import { freshBucket } from "./testing/fresh-bucket.ts";
import { startProxy } from "./testing/proxy.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());
/** The way in from outside. */
const outside = await startProxy(server.endpoint);
after(() => outside[Symbol.asyncDispose]());

blobsConformance("S3Blobs on MinIO", async (t) => {
  const options = { ...freshBucket(server), publicEndpoint: outside.endpoint };
  const connect = async () => {
    const blobs = await S3Blobs.open(options);
    t.after(() => blobs[Symbol.asyncDispose]());
    return blobs;
  };
  return { blobs: await connect(), connect };
});
