import { after } from "node:test";
import { S3Blobs } from "@heimdex/adapters-minio";
import { startMinio } from "@heimdex/testing-servers";
import { fencing } from "./fencing.fixture.ts";
import { s3StorageOptions } from "./s3-storage-options.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());
await (await S3Blobs.open({ ...server, bucket: "index" }))[Symbol.asyncDispose]();

fencing("MinIO", async () => ({
  location: `s3://index/${crypto.randomUUID()}`,
  options: { storageOptions: s3StorageOptions(server) },
}));
