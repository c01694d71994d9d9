import type { ArtifactRef, Job } from "@heimdex/kernel";
import type { Blobs } from "@heimdex/ports";
import { sha256Hex } from "./ids.ts";

/** Largest bytes kept in the catalog instead of as a blob. */
const INLINE_BYTES = 4096;
/** What all of a job's inline outputs may take of its document's 256 KiB; base64 adds a third. */
const INLINE_BYTES_PER_JOB = 72 * 1024;
/** A port's artifacts beyond this many are kept as one list, so that the job's document stays small. */
const LIST_FROM = 8;
const LIST_TYPE = "application/vnd.heimdex.artifacts+json";

/** Largest bytes a job keeps in its own document: fewer, the more outputs its steps can have. */
export function inlineLimit(job: Job): number {
  const ports = job.steps.reduce((sum, step) => sum + step.outputPorts.length, 0);
  return Math.min(INLINE_BYTES, Math.floor(INLINE_BYTES_PER_JOB / Math.max(1, ports)));
}

/** Whether bytes are kept in the reference itself: small JSON. All else is a blob, since layers name pictures and vectors by their digest. */
export function fitsInline({ mediaType, size }: { mediaType: string; size: number }, inlineLimit: number): boolean {
  return size <= inlineLimit && mediaType.endsWith("json");
}

/** Keeps bytes in the reference or as a blob. */
export async function keep(
  blobs: Blobs,
  tenant: string,
  ref: Omit<ArtifactRef, "sha256" | "size" | "inline">,
  bytes: Uint8Array,
  inlineLimit = INLINE_BYTES,
): Promise<ArtifactRef> {
  const sha256 = sha256Hex(bytes);
  const size = bytes.byteLength;
  if (fitsInline({ mediaType: ref.mediaType, size }, inlineLimit))
    return { ...ref, sha256, size, inline: Buffer.from(bytes).toString("base64") };
  await blobs.put({ tenant, sha256, size }, once(bytes));
  return { ...ref, sha256, size };
}

/** Folds the artifacts of ports with many of them into lists. */
export async function foldLists(
  blobs: Blobs,
  tenant: string,
  outputs: readonly ArtifactRef[],
  inlineLimit: number,
): Promise<ArtifactRef[]> {
  const byPort = Map.groupBy(outputs, (output) => output.port);
  const folded: ArtifactRef[] = [];
  for (const [port, artifacts] of byPort) {
    if (artifacts.length < LIST_FROM) {
      folded.push(...artifacts);
      continue;
    }
    const bytes = Buffer.from(JSON.stringify(artifacts));
    folded.push({
      ...(await keep(blobs, tenant, { port, mediaType: LIST_TYPE }, bytes, inlineLimit)),
      list: artifacts.length,
    });
  }
  return folded;
}

/** The artifacts themselves: lists unfolded, in order. */
export async function unfoldLists(blobs: Blobs, tenant: string, refs: readonly ArtifactRef[]): Promise<ArtifactRef[]> {
  const unfolded: ArtifactRef[] = [];
  for (const ref of refs) {
    if (ref.list === undefined) unfolded.push(ref);
    else unfolded.push(...(JSON.parse(Buffer.from(await readAll(blobs, tenant, ref)).toString()) as ArtifactRef[]));
  }
  return unfolded;
}

/** Blobs that outputs are made of, those of their lists included: size by SHA-256. Lists that are gone count as empty. */
export async function blobsOf(
  blobs: Blobs,
  tenant: string,
  outputs: readonly ArtifactRef[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const output of outputs) {
    const { sha256, size, inline, list } = output;
    if (inline === undefined && !(await blobs.has({ tenant, sha256, size }))) continue;
    if (inline === undefined) found.set(sha256, size);
    if (list === undefined) continue;
    for (const artifact of await unfoldLists(blobs, tenant, [output]))
      if (artifact.inline === undefined) found.set(artifact.sha256, artifact.size);
  }
  return found;
}

/** All bytes of an artifact. Rejects with BLOB_NOT_FOUND. */
export async function readAll(
  blobs: Blobs,
  tenant: string,
  { sha256, size, inline }: ArtifactRef,
): Promise<Uint8Array> {
  if (inline !== undefined) return Buffer.from(inline, "base64");
  const chunks: Uint8Array[] = [];
  for await (const chunk of await blobs.get({ tenant, sha256, size })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
