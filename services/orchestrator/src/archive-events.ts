import type { AssetRecord, Job } from "@heimdex/kernel";
import type { ArchiveEvent } from "@heimdex/ports";

/** A job is over: what it found is in its asset's sidecar, or there is a reason why not. */
export function jobEndedEvent(job: Job, atMs: number): ArchiveEvent {
  const { id, tenant, asset, sourceUri, state, reason, sidecarRevision } = job;
  const data = { tenant, job: id, asset, source_uri: sourceUri, state, reason, sidecar_revision: sidecarRevision };
  return event("heimdex.job.ended", id, id, atMs, data);
}

/** A sidecar of an asset answers searches. */
export function assetIndexedEvent(asset: AssetRecord, atMs: number): ArchiveEvent {
  const { id, indexedRevision, latestJob } = asset;
  // An asset that was deleted and comes again begins with revision 1.
  const key = `${id}.${indexedRevision}.${latestJob}`;
  const data = { ...assetData(asset), job: latestJob, sidecar_revision: indexedRevision };
  return event("heimdex.asset.indexed", id, key, atMs, data);
}

/** An asset and all that was found in it are gone from the archive. */
export function assetDeletedEvent(asset: AssetRecord, atMs: number): ArchiveEvent {
  return event("heimdex.asset.deleted", asset.id, `${asset.id}.${asset.latestJob}`, atMs, assetData(asset));
}

function assetData({ tenant, id, title, durationMs, sources }: AssetRecord) {
  return { tenant, asset: id, title, duration_ms: durationMs, source_uris: sources.map(({ uri }) => uri) };
}

/** @param key what tells it from others of its type */
function event(type: string, subject: string, key: string, atMs: number, data: ArchiveEvent["data"]): ArchiveEvent {
  return {
    specversion: "1.0",
    id: `${type}.${key}`,
    source: `/tenants/${data.tenant}`,
    type,
    subject,
    time: new Date(atMs).toISOString(),
    datacontenttype: "application/json",
    data,
  };
}
