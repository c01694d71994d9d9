import { createHash } from "node:crypto";

const digest = (...parts: string[]) => createHash("sha256").update(JSON.stringify(parts)).digest("hex");

/** Id of the asset with these bytes. */
export function assetId(tenant: string, fingerprint: string): string {
  return `a_${digest(tenant, fingerprint).slice(0, 16)}`;
}

/** Id of what is known of a source. */
export function sourceId(tenant: string, uri: string): string {
  return digest(tenant, uri);
}

/** The word that a tenant's jobs carry until they have ended. */
export function activeTerm(tenant: string): string {
  return `active-tenant:${tenant}`;
}

/** Id of the record of a call that must not be done twice. */
export function requestRecordId(tenant: string, requestId: string): string {
  return digest(tenant, requestId);
}
