import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord, CacheEntry, Job, SourceRecord } from "@heimdex/kernel";
import type { Blobs, Catalog, Collection, MomentIndex, WriteOp } from "@heimdex/ports";
import { unfoldLists } from "./artifacts.ts";
import { sidecarName } from "./settlement.ts";

const PAGE = 500;

/** Takes an asset out of the archive: rows, sidecars, results, blobs, jobs, traces. The source's own bytes are not touched. */
export class AssetRemoval {
  readonly #catalog: Catalog;
  readonly #blobs: Blobs;
  readonly #index: MomentIndex;

  constructor(catalog: Catalog, blobs: Blobs, index: MomentIndex) {
    this.#catalog = catalog;
    this.#blobs = blobs;
    this.#index = index;
  }

  /** Repeatable: what a crash left behind goes with the next call. Throws ASSET_NOT_FOUND, ASSET_BUSY. */
  async remove(tenant: string, id: string): Promise<void> {
    const stored = await this.#catalog.get<AssetRecord>("assets", id);
    if (stored?.body.tenant !== tenant)
      throw new HeimdexError("ASSET_NOT_FOUND", `there is no asset ${id}`, { metadata: { asset: id } });
    if ((await this.#catalog.count("jobs", `active:${id}`)) > 0)
      throw new HeimdexError("ASSET_BUSY", `a job for ${stored.body.title} is under way`, { metadata: { asset: id } });
    await this.#index.removeAssets(tenant, [id]);
    await this.#removeBlobs(tenant, id);
    for (let revision = stored.body.sidecarRevision; revision > 0; revision--)
      await this.#blobs.deleteNamed(tenant, sidecarName(id, revision));
    for (const job of await this.#all<Job>("jobs", `asset:${id}`)) {
      const spans = await this.#all("spans", `job:${job.id}`);
      await this.#delete([
        ...spans.map((span) => ({ collection: "spans", id: span.id }) as const),
        { collection: "jobs", id: job.id },
      ]);
    }
    const sources = await this.#all<SourceRecord>("sources", `asset:${id}`);
    const results = await this.#all<CacheEntry>("cache", `asset:${id}`);
    await this.#delete([
      ...sources.map((source) => ({ collection: "sources", id: source.id }) as const),
      ...results.map((result) => ({ collection: "cache", id: result.id }) as const),
      { collection: "assets", id },
    ]);
  }

  /** Blobs that results of this asset name and no other asset's do. */
  async #removeBlobs(tenant: string, id: string): Promise<void> {
    const own = new Map<string, number>();
    for (const entry of await this.#all<CacheEntry>("cache", `asset:${id}`)) {
      for (const [sha256, size] of await this.#blobsOf(tenant, entry.body)) own.set(sha256, size);
    }
    let after: string | undefined;
    while (own.size > 0) {
      const page = await this.#catalog.find<CacheEntry>({
        collection: "cache",
        limit: PAGE,
        ...(after === undefined ? {} : { after: { id: after } }),
      });
      for (const entry of page) {
        if (entry.body.asset === id || entry.body.tenant !== tenant) continue;
        for (const [sha256] of await this.#blobsOf(tenant, entry.body)) own.delete(sha256);
      }
      after = page.at(-1)?.id;
      if (page.length < PAGE) break;
    }
    for (const [sha256, size] of own) await this.#blobs.delete({ tenant, sha256, size });
  }

  async #blobsOf(tenant: string, entry: CacheEntry): Promise<Map<string, number>> {
    const blobs = new Map<string, number>();
    for (const output of entry.outputs) {
      if (output.inline === undefined && !(await this.#blobs.has({ tenant, sha256: output.sha256, size: output.size })))
        continue;
      if (output.inline === undefined) blobs.set(output.sha256, output.size);
      if (output.list === undefined) continue;
      for (const artifact of await unfoldLists(this.#blobs, tenant, [output]))
        if (artifact.inline === undefined) blobs.set(artifact.sha256, artifact.size);
    }
    return blobs;
  }

  async #all<B>(collection: Collection, term: string) {
    const found = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.#catalog.find<B>({
        collection,
        term,
        limit: PAGE,
        ...(after === undefined ? {} : { after: { id: after } }),
      });
      found.push(...page);
      after = page.at(-1)?.id;
      if (page.length < PAGE) return found;
    }
  }

  async #delete(documents: readonly { collection: Collection; id: string }[]): Promise<void> {
    const ops: WriteOp[] = documents.map(({ collection, id }) => ({ op: "delete", collection, id }));
    for (let at = 0; at < ops.length; at += PAGE) await this.#catalog.write(ops.slice(at, at + PAGE));
  }
}
