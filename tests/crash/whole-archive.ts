import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import type { AssetRecord, CacheEntry, Job } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { checkSidecar, type KeyframeItem, type Sidecar, type TranscriptItem } from "@heimdex/sidecar";
import { film, PICTURES, pictureOf, sha256, wordsOf } from "./films.ts";

const TENANT = "default";
const PATIENCE_MS = 120_000;

async function all<B>(catalog: Catalog, collection: "assets" | "cache" | "jobs" | "sessions"): Promise<Document<B>[]> {
  const found = await catalog.find<B>({ collection, limit: 1000 });
  assert.ok(found.length < 1000);
  return found;
}

/** Waits until no job and no asset waits for anything. */
export async function untilDone(catalog: Catalog): Promise<void> {
  const waiting = async () =>
    (await catalog.count("jobs", "active")) +
    (await catalog.count("jobs", "unsettled")) +
    (await catalog.count("assets", "indexing"));
  for (const giveUpMs = performance.now() + PATIENCE_MS; (await waiting()) > 0; await delay(20))
    assert.ok(performance.now() < giveUpMs, `${await waiting()} jobs and assets are still waiting`);
}

/** Whoever was killed: nothing is lost, nothing was committed twice, and the index says what the sidecars say.
 * @param data folder of the archive, which nobody else has open
 * @param jobs ids of all jobs that were accepted, one for each film
 * @param runs in which each attempt was noted when it began
 * @param oneWriter whether nobody else wrote jobs at the same time: then no result was written twice, not even with the same content */
export async function assertWhole(
  catalog: Catalog,
  {
    data,
    jobs: accepted,
    runs,
    oneWriter,
  }: { readonly data: string; readonly jobs: readonly string[]; readonly runs: string; readonly oneWriter: boolean },
): Promise<void> {
  const films = accepted.length;
  await using stack = new AsyncDisposableStack();
  const jobs = await all<Job>(catalog, "jobs");
  assert.deepEqual(new Set(jobs.map(({ id }) => id)), new Set(accepted), "each accepted job once");
  for (const { body } of jobs) assert.deepEqual([body.state, body.reason, body.settled], ["SUCCEEDED", "", true]);
  assert.equal(await catalog.count("jobs", "leased"), 0);

  const steps = jobs.flatMap(({ body }) => body.steps);
  assert.equal(steps.length, films * 4);
  for (const { stage, state, lease, ending, key } of steps) {
    assert.equal(state, "OK", `${stage} ran: its key is its film's alone`);
    assert.equal(lease, undefined);
    assert.equal(ending?.said, "COMPLETED");
    assert.notEqual(key, "");
  }
  const cache = await all<CacheEntry>(catalog, "cache");
  assert.deepEqual(cache.map(({ id }) => id).sort(), steps.map(({ key }) => key).sort());
  const outputs = new Map(steps.map((step) => [step.key, step.outputs]));
  for (const { id, version, body } of cache) {
    if (oneWriter) assert.equal(version, 1, `${id} was committed once`);
    assert.deepEqual(body.outputs, outputs.get(id), `${id} is what its step holds`);
  }
  const begun = new Set((await readFile(runs, "utf8")).trim().split("\n"));
  for (const { body } of jobs)
    for (const { stage, epoch } of body.steps)
      assert.ok(
        begun.has(JSON.stringify({ stage, asset: body.asset, attempt: epoch })),
        "the attempt that counts was made",
      );

  const blobs = stack.use(await FolderBlobs.open(join(data, "blobs")));
  const index = stack.use(await LanceMomentIndex.open(join(data, "index"), { analyze, analyzerId: ANALYZER_ID }));
  const filter = { tenant: TENANT };
  const rows = await index.searchText("spoken", analyze("survivor"), filter, 1000);
  assert.equal(rows.length, films, "one moment of each film");
  assert.equal((await blobs.usage(TENANT)).uploads, 0, "no upload is left behind");
  const assets = await all<AssetRecord>(catalog, "assets");
  assert.equal(assets.length, films);
  for (const { body: asset } of assets) {
    const n = Number(/film (\d+)\.json/.exec(asset.title)?.[1]);
    assert.equal(asset.fingerprint, sha256(film(n)));
    assert.deepEqual([asset.sidecarRevision, asset.indexedRevision], [1, 1]);
    const names = await blobs.listNamed(TENANT, `sidecars/${asset.id}/`, undefined, 10);
    assert.deepEqual(names, [`sidecars/${asset.id}/1.json`]);
    const sidecar = JSON.parse(
      Buffer.from((await blobs.getNamed(TENANT, names[0] as string)) as Uint8Array).toString(),
    ) as Sidecar;
    assert.deepEqual(checkSidecar(sidecar), []);
    const items = (kind: string) =>
      sidecar.layers.filter((layer) => layer.kind === kind).flatMap((layer) => layer.items);
    assert.deepEqual(
      (items("transcript") as TranscriptItem[]).map(({ text }) => text),
      wordsOf(n),
    );
    const pictures = Array.from({ length: PICTURES }, (_, at) => pictureOf(asset.fingerprint, at));
    assert.deepEqual(
      (items("keyframes") as KeyframeItem[]).map(({ image }) => image.sha256),
      pictures.map(sha256),
    );
    for (const picture of pictures)
      assert.ok(await blobs.has({ tenant: TENANT, sha256: sha256(picture), size: picture.byteLength }));
    const own = rows.filter(({ row }) => row.asset === asset.id);
    assert.deepEqual(
      own.map(({ row }) => [row.revision, row.spoken]),
      [[1, wordsOf(n).join("\n")]],
    );
    const found = await index.searchText("spoken", analyze(wordsOf(n)[1] as string), filter, 10);
    assert.deepEqual(
      found.map(({ row }) => row.asset),
      [asset.id],
    );
  }
}
