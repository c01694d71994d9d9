import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { blobsConformance } from "@heimdex/ports/conformance";
import { FolderBlobs } from "./folder-blobs.ts";

blobsConformance("FolderBlobs", async (t: TestContext) => {
  const root = await mkdtemp(join(tmpdir(), "heimdex-blobs-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const connect = () => FolderBlobs.open(root);
  return { blobs: await connect(), connect };
});
