import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { StaleUploads } from "./stale-uploads.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

test("uploads of no attempt are removed after a week, looked for once an hour, of tenants that upload", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-stale-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await using blobs = await FolderBlobs.open(folder);
  const nowMs = Date.now();
  const left = async (tenant: string, ageMs: number) => {
    const path = await blobs.localUploadPath({ tenant, attempt: "le_1", n: ageMs });
    await writeFile(path, "0123456789");
    await utimes(path, nowMs / 1000, (nowMs - ageMs) / 1000);
  };
  const uploads = async (tenant: string) => (await blobs.usage(tenant)).uploads;
  const stale = new StaleUploads(blobs);
  for (const tenant of ["acme", "quiet"]) for (const ageMs of [6 * DAY_MS, 8 * DAY_MS]) await left(tenant, ageMs);
  stale.expect("acme");
  await stale.tend(nowMs);
  assert.deepEqual([await uploads("acme"), await uploads("quiet")], [10, 20]);
  await left("acme", 9 * DAY_MS);
  stale.expect("acme");
  await stale.tend(nowMs + 3_599_999);
  assert.equal(await uploads("acme"), 20);
  await stale.tend(nowMs + 3_600_000);
  assert.equal(await uploads("acme"), 10);
});
