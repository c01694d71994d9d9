import type { BlobKey, UploadKey } from "@heimdex/ports";

/** Where everything lies in the bucket. Tenants, attempts and names are checked before: none of them can lead elsewhere. */
export function blobName({ tenant, sha256 }: BlobKey): string {
  return `${tenant}/cas/sha256/${sha256.slice(0, 2)}/${sha256}`;
}

export function uploadName({ tenant, attempt, n }: UploadKey): string {
  return `${attemptFolder(tenant, attempt)}${n}`;
}

export function attemptFolder(tenant: string, attempt: string): string {
  return `${uploadsFolder(tenant)}${attempt}/`;
}

export function uploadsFolder(tenant: string): string {
  return `${tenant}/uploads/`;
}

export function casFolder(tenant: string): string {
  return `${tenant}/cas/`;
}

/** Names of documents that begin so lie at the top, all others below `named/`, where they cannot meet blobs or uploads. */
export const SIDECARS = "sidecars/";

export function documentsFolder(tenant: string): string {
  return `${tenant}/named/`;
}

export function documentName(tenant: string, name: string): string {
  return name.startsWith(SIDECARS) ? `${tenant}/${name}` : `${documentsFolder(tenant)}${name}`;
}
