import { createHash } from "node:crypto";

/** A film that is brought to the server: catalog collection `uploads`, sorted by when it ends; terms `open-uploads:<tenant>` while its bytes are to come. */
export interface UploadRecord {
  /** See `uploadId`. */
  readonly upload: string;
  readonly tenant: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly name: string;
  /** Its bytes are there, and what they were announced as. */
  readonly present: boolean;
  /** They came by this upload; false: some other film's, or what a stage made of one, was the same already, and is not this upload's to remove. */
  readonly brought: boolean;
  /** The job that was asked for last to read it; "" until then. */
  readonly job: string;
  /** Unix ms. */
  readonly expiresAtMs: number;
}

/** An upload's id: what it is to be. */
export function uploadId(sha256: string, size: number): string {
  return `u_${sha256}_${size}`;
}

/** Digest and size of an upload's id; undefined when it is none. */
export function readUploadId(id: string): { readonly sha256: string; readonly size: number } | undefined {
  const [, sha256 = "", size = ""] = /^u_([0-9a-f]{64})_(0|[1-9]\d{0,15})$/.exec(id) ?? [];
  return sha256 === "" || !Number.isSafeInteger(Number(size)) ? undefined : { sha256, size: Number(size) };
}

/** Id of an upload's record. */
export function uploadRecordId(tenant: string, upload: string): string {
  return createHash("sha256")
    .update(JSON.stringify([tenant, upload]))
    .digest("hex");
}

/** The word that a tenant's uploads carry whose bytes are to come. */
export function openUploadsTerm(tenant: string): string {
  return `open-uploads:${tenant}`;
}

/** The record's document, but for how it is written. */
export function uploadDocument(body: UploadRecord) {
  return {
    collection: "uploads",
    id: uploadRecordId(body.tenant, body.upload),
    terms: body.present ? [] : [openUploadsTerm(body.tenant)],
    sort: uploadSort(body.expiresAtMs),
    body,
  } as const;
}

/** Orders uploads by when they end. */
export function uploadSort(atMs: number): string {
  return String(atMs).padStart(16, "0");
}
