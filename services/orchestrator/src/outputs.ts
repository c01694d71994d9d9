import type { Artifact } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { type ArtifactRef, type Facts, type Job, MEDIA_SCHEMA, type PortSpec, type Step } from "@heimdex/kernel";
import type { BlobKey, Blobs } from "@heimdex/ports";
import { media } from "@heimdex/sidecar";
import { fitsInline, foldLists, inlineLimit, once, readAll } from "./artifacts.ts";
import { mapBounded } from "./bounded.ts";
import { sha256Hex } from "./ids.ts";
import { isLayer, layerFault } from "./layer-checks.ts";

const MAX_INLINE = 256 * 1024;
/** What one call of FinishLeases may carry inline, over all its entries. */
export const MAX_INLINE_A_CALL = 3 * 1024 * 1024;
const MAX_ARTIFACTS = 4096;
const MAX_LAYER_BYTES = 64 * 1024 * 1024;
/** Blobs of one attempt that are committed at once. */
const AT_ONCE = 8;

export interface Verified {
  readonly outputs: readonly ArtifactRef[];
  /** It put out layers, and all are empty. */
  readonly empty: boolean;
  readonly facts: Facts | undefined;
}

/** An output and where it stands: `outputs[3] (shots)`. */
interface Item {
  readonly artifact: Artifact;
  readonly port: PortSpec;
  readonly at: string;
}

/** Verifies what an attempt put out against what its stage declared, and keeps it. Size, SHA-256 and schema are checked before anything counts.
 * Throws OUTPUT_INVALID naming the field; nothing of the attempt is kept then. */
export async function verifyOutputs(
  blobs: Blobs,
  job: Job,
  step: Step,
  lease: string,
  outputs: readonly Artifact[],
): Promise<Verified> {
  if (outputs.length > MAX_ARTIFACTS) throw invalid("outputs", `${outputs.length} artifacts, at most ${MAX_ARTIFACTS}`);
  const inline = inlineBytes(outputs);
  if (inline > MAX_INLINE_A_CALL)
    throw invalid("outputs", `${inline} bytes inline, at most ${MAX_INLINE_A_CALL} a call: upload the larger ones`);
  const items = checkPorts(step, outputs);
  for (const { artifact, at } of items) checkInline(artifact, at);
  const commit = new Commit(blobs, job, lease);
  try {
    // What is read is committed first: most that can be wrong is found before the many blobs are touched.
    const read = await mapBounded(items.filter(isRead), 1, async (item) => {
      const ref = await commit.keep(item);
      return { item, ref, value: await readJson(blobs, job.tenant, ref, item.at) };
    });
    for (const { item, value } of read) checkLayer(item, value);
    const facts = read.find(({ item }) => item.port.schema === MEDIA_SCHEMA);
    const layers = read.filter(({ item }) => isLayer(item.port));
    const known = new Map(read.map(({ item, ref }) => [item, ref]));
    const kept = await mapBounded(items, AT_ONCE, async (item) => known.get(item) ?? commit.keep(item));
    return {
      outputs: await foldLists(blobs, job.tenant, kept, inlineLimit(job)),
      empty: layers.length > 0 && layers.every(({ value }) => (value as { items: unknown[] }).items.length === 0),
      facts: facts === undefined ? undefined : readFacts(facts.value, facts.item.at),
    };
  } catch (reason) {
    if (HeimdexError.from(reason).id === "OUTPUT_INVALID") await commit.undo();
    throw reason;
  }
}

/** Bytes that come within the message itself. */
export function inlineBytes(outputs: readonly Artifact[]): number {
  return outputs.reduce((sum, { content }) => sum + (content?.$case === "inline" ? content.value.byteLength : 0), 0);
}

function isRead({ port }: Item): boolean {
  return isLayer(port) || port.schema === MEDIA_SCHEMA;
}

function invalid(field: string, description: string): HeimdexError {
  return new HeimdexError("OUTPUT_INVALID", `${field}: ${description}`, { fields: [{ field, description }] });
}

function checkPorts(step: Step, outputs: readonly Artifact[]): Item[] {
  const ports = new Map(step.outputPorts.map((port) => [port.name, port]));
  const counts = new Map<string, number>();
  const items = outputs.map((artifact, index): Item => {
    const port = ports.get(artifact.port);
    if (port === undefined)
      throw invalid(`outputs[${index}].port`, `${step.stage} declares no output port ${JSON.stringify(artifact.port)}`);
    if (artifact.mediaType !== port.mediaType)
      throw invalid(
        `outputs[${index}].media_type`,
        `${artifact.mediaType}, but port ${port.name} is ${port.mediaType}`,
      );
    if (!/^[0-9a-f]{64}$/.test(artifact.sha256))
      throw invalid(`outputs[${index}].sha256`, "64 lower-case hexadecimal digits");
    counts.set(port.name, (counts.get(port.name) ?? 0) + 1);
    return { artifact, port, at: `outputs[${index}] (${port.name})` };
  });
  for (const port of step.outputPorts) {
    const count = counts.get(port.name) ?? 0;
    if (!port.many && count > 1) throw invalid("outputs", `${count} artifacts on port ${port.name}, which takes one`);
    if (!port.many && !port.optional && count === 0)
      throw invalid("outputs", `nothing on port ${port.name}, which is required`);
  }
  return items;
}

function checkInline({ content, size, sha256 }: Artifact, at: string): void {
  if (content?.$case === "upload") return;
  if (content?.$case !== "inline") throw invalid(at, "has neither inline bytes nor the number of an upload");
  const bytes = content.value;
  if (bytes.byteLength > MAX_INLINE)
    throw invalid(`${at}.inline`, `${bytes.byteLength} bytes, at most ${MAX_INLINE}: upload it`);
  if (bytes.byteLength !== size) throw invalid(`${at}.size`, `${size} said, ${bytes.byteLength} bytes came`);
  if (sha256Hex(bytes) !== sha256) throw invalid(`${at}.sha256`, "the bytes have another");
}

/** Makes the outputs of one attempt blobs, and can take back those that were none before. */
class Commit {
  readonly #blobs: Blobs;
  readonly #job: Job;
  readonly #lease: string;
  readonly #inlineLimit: number;
  readonly #made: BlobKey[] = [];

  constructor(blobs: Blobs, job: Job, lease: string) {
    this.#blobs = blobs;
    this.#job = job;
    this.#lease = lease;
    this.#inlineLimit = inlineLimit(job);
  }

  async keep({ artifact, at }: Item): Promise<ArtifactRef> {
    const { tenant } = this.#job;
    const { port, mediaType, sha256, size, name, content } = artifact;
    const ref = { port, mediaType, ...(name === "" ? {} : { name }) };
    const key = { tenant, sha256, size };
    if (content?.$case === "inline" && fitsInline(artifact, this.#inlineLimit))
      return { ...ref, sha256, size, inline: content.value.toString("base64") };
    const isNew = !(await this.#blobs.has(key));
    if (content?.$case === "inline") {
      await this.#blobs.put(key, once(content.value));
      if (isNew) this.#made.push(key);
      return { ...ref, sha256, size };
    }
    const n = content?.$case === "upload" ? content.value : 0;
    try {
      await this.#blobs.commitUpload({ tenant, attempt: this.#lease, n }, key);
    } catch (reason) {
      const error = HeimdexError.from(reason);
      if (error.id === "BLOB_NOT_FOUND") throw invalid(`${at}.upload`, `nothing was uploaded as number ${n}`);
      if (error.id === "BLOB_DIGEST_MISMATCH") throw invalid(`${at}.sha256`, error.message);
      throw error;
    }
    if (isNew) this.#made.push(key);
    return { ...ref, sha256, size };
  }

  /** An attempt that puts out the same bytes in this very moment loses them too: its result is then a miss, and runs again. */
  async undo(): Promise<void> {
    for (const key of this.#made) await this.#blobs.delete(key);
  }
}

async function readJson(blobs: Blobs, tenant: string, ref: ArtifactRef, at: string): Promise<unknown> {
  if (ref.size > MAX_LAYER_BYTES)
    throw invalid(at, `${ref.size} bytes, a layer has at most ${MAX_LAYER_BYTES}: bulk goes by blob reference`);
  try {
    return JSON.parse(Buffer.from(await readAll(blobs, tenant, ref)).toString());
  } catch (reason) {
    if (!(reason instanceof SyntaxError)) throw reason;
    throw invalid(at, `is not JSON: ${reason.message}`);
  }
}

function checkLayer({ port, at }: Item, value: unknown): void {
  if (!isLayer(port)) return;
  const fault = layerFault(port, value);
  if (fault !== undefined) throw invalid(`${at}${fault.path}`, fault.message);
}

function readFacts(value: unknown, at: string): Facts {
  const parsed = media.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${at}/${(issue?.path ?? []).join("/")}`, issue?.message ?? "does not fit its schema");
  }
  const has = (type: string) => parsed.data.streams.some((stream) => stream.type === type);
  return {
    has_audio: has("audio"),
    has_video: has("video"),
    has_subtitles: has("subtitle"),
    duration_ms: parsed.data.duration_ms,
  };
}
