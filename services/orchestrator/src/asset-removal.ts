import { HeimdexError } from "@heimdex/errors";
import type { ArtifactRef, AssetRecord, CacheEntry, Job, SourceRecord } from "@heimdex/kernel";
import { type Blobs, type Catalog, type Collection, type Document, readAll, type WriteOp } from "@heimdex/ports";
import { parseSource } from "@heimdex/sources";
import { blobsOf } from "./artifacts.ts";
import type { IndexWriter } from "./index-writer.ts";
import type { Outbox } from "./outbox.ts";
import { sidecarFolder } from "./sidecar-revision.ts";

const PAGE = 500;

export interface AssetRemovalParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly index: IndexWriter;
  readonly outbox: Outbox;
}

/** Takes an asset out of the archive: rows, sidecars, results, blobs, jobs, traces. The source's own bytes are not touched, unless
 * they were uploaded: then they are kept for it alone. */
export class AssetRemoval {
  readonly #catalog: Catalog;
  readonly #blobs: Blobs;
  readonly #index: IndexWriter;
  readonly #outbox: Outbox;

  constructor({ catalog, blobs, index, outbox }: AssetRemovalParts) {
    this.#catalog = catalog;
    this.#blobs = blobs;
    this.#index = index;
    this.#outbox = outbox;
  }

  /** Repeatable: what a crash left behind goes with the next call; the asset's own document goes last. Throws ASSET_NOT_FOUND, ASSET_BUSY, BUS_UNAVAILABLE. */
  async remove(tenant: string, id: string): Promise<void> {
    const stored = /^a_[0-9a-f]{1,64}$/.test(id) ? await this.#catalog.get<AssetRecord>("assets", id) : undefined;
    if (stored?.body.tenant !== tenant)
      throw new HeimdexError("ASSET_NOT_FOUND", `there is no asset ${id.slice(0, 64)}`, {
        metadata: { asset: id.slice(0, 64) },
      });
    if ((await this.#catalog.count("jobs", `active:${id}`)) > 0)
      throw new HeimdexError("ASSET_BUSY", `a job for ${stored.body.title} is under way`, { metadata: { asset: id } });
    await this.#index.removeAssets(tenant, [id]);
    const jobs = await this.#all<Job>("jobs", `asset:${id}`);
    const results = await this.#all<CacheEntry>("cache", `asset:${id}`);
    const [own, lent] = partition(results, ({ terms }) => terms.every((term) => term === `asset:${id}`));
    await this.#removeBlobs(tenant, own, jobs, stored.body);
    await this.#removeSidecars(tenant, id);
    for (const job of jobs) {
      const spans = await this.#all("spans", `job:${job.id}`);
      await this.#delete(spans.map((span) => ({ collection: "spans", id: span.id })));
    }
    const sources = await this.#all<SourceRecord>("sources", `asset:${id}`);
    for (const entry of lent) await this.#giveUp(entry, id);
    await this.#delete([
      ...jobs.map((job) => ({ collection: "jobs", id: job.id }) as const),
      ...sources.map((source) => ({ collection: "sources", id: source.id }) as const),
      ...own.map((result) => ({ collection: "cache", id: result.id }) as const),
    ]);
    await this.#outbox.assetDeleted(stored.body);
    await this.#delete([{ collection: "assets", id }]);
  }

  async #removeSidecars(tenant: string, id: string): Promise<void> {
    for (;;) {
      const names = await this.#blobs.listNamed(tenant, sidecarFolder(id), undefined, PAGE);
      for (const name of names) await this.#blobs.deleteNamed(tenant, name);
      if (names.length < PAGE) return;
    }
  }

  /** A result that another asset uses too stays, as that one's. */
  async #giveUp({ id, version, terms, body }: Document<CacheEntry>, asset: string): Promise<void> {
    const left = terms.filter((term) => term !== `asset:${asset}`);
    const owner = left.find((term) => term.startsWith("asset:"))?.slice("asset:".length) ?? "";
    await this.#catalog.write([
      { op: "replace", collection: "cache", id, version, terms: left, sort: "", body: { ...body, asset: owner } },
    ]);
  }

  /** Blobs that this asset's results, uploads and neighbours name, and nobody else's results nor any job under way does. */
  async #removeBlobs(
    tenant: string,
    results: readonly Document<CacheEntry>[],
    jobs: readonly Document<Job>[],
    asset: AssetRecord,
  ): Promise<void> {
    const gone = new Set(results.map((result) => result.id));
    const own = new Map<string, number>();
    for (const job of jobs) for (const { sha256, size } of job.body.neighbours.filter(isBlob)) own.set(sha256, size);
    for (const entry of results)
      for (const [sha256, size] of await blobsOf(this.#blobs, tenant, entry.body.outputs)) own.set(sha256, size);
    for (const { uri } of asset.sources) if (parseSource(uri).kind === "upload") own.set(asset.fingerprint, asset.size);
    for (const job of await this.#all<Job>("jobs", "active"))
      for (const { sha256 } of job.body.neighbours) own.delete(sha256);
    for await (const entry of readAll<CacheEntry>(this.#catalog, { collection: "cache" })) {
      if (own.size === 0) break;
      if (gone.has(entry.id) || entry.body.tenant !== tenant) continue;
      for (const [sha256] of await blobsOf(this.#blobs, tenant, entry.body.outputs)) own.delete(sha256);
    }
    for (const [sha256, size] of own) await this.#blobs.delete({ tenant, sha256, size });
  }

  #all<B>(collection: Collection, term: string): Promise<Document<B>[]> {
    return Array.fromAsync(readAll<B>(this.#catalog, { collection, term }));
  }

  async #delete(documents: readonly { collection: Collection; id: string }[]): Promise<void> {
    const ops: WriteOp[] = documents.map(({ collection, id }) => ({ op: "delete", collection, id }));
    for (let at = 0; at < ops.length; at += PAGE) await this.#catalog.write(ops.slice(at, at + PAGE));
  }
}

function isBlob({ inline }: ArtifactRef): boolean {
  return inline === undefined;
}

function partition<T>(values: readonly T[], wanted: (value: T) => boolean): [T[], T[]] {
  return [values.filter(wanted), values.filter((value) => !wanted(value))];
}
