import { after } from "node:test";
import { S3Blobs } from "@heimdex/adapters-minio";
import { momentIndexConformance } from "@heimdex/ports/conformance";
import { startMinio } from "@heimdex/testing-servers";
import { LanceMomentIndex } from "./lance-moment-index.ts";
import { s3StorageOptions } from "./s3-storage-options.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());
await (await S3Blobs.open({ ...server, bucket: "index" }))[Symbol.asyncDispose]();

momentIndexConformance("LanceDB on MinIO", async (t, analyze) => {
  const location = `s3://index/${crypto.randomUUID()}`;
  const storageOptions = s3StorageOptions(server);
  const open = () => LanceMomentIndex.open(location, { analyze, analyzerId: "conformance", storageOptions });
  const index = await open();
  let last = index;
  t.after(() => last[Symbol.asyncDispose]());
  return {
    index,
    reopen: async () => {
      await last[Symbol.asyncDispose]();
      last = await open();
      return last;
    },
  };
});
