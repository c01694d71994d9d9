import type { Artifact } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import {
  type ArtifactRef,
  type Facts,
  LAYER_SCHEMA_PREFIX,
  MEDIA_SCHEMA,
  type PortSpec,
  type Step,
} from "@heimdex/kernel";
import type { Blobs } from "@heimdex/ports";
import { type LayerKind, media, stageLayer } from "@heimdex/sidecar";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import { foldLists, keep, readAll } from "./artifacts.ts";
import { sha256Hex } from "./ids.ts";

const MAX_INLINE = 256 * 1024;
const MAX_ARTIFACTS = 4096;
const MAX_LAYER_BYTES = 64 * 1024 * 1024;

export interface Verified {
  readonly outputs: readonly ArtifactRef[];
  /** It put out layers, and all are empty. */
  readonly empty: boolean;
  readonly facts: Facts | undefined;
}

/** Verifies what an attempt put out against what its stage declared, and keeps it. Size, SHA-256 and schema are checked before anything counts.
 * Throws OUTPUT_INVALID naming the field. */
export async function verifyOutputs(
  blobs: Blobs,
  tenant: string,
  step: Step,
  lease: string,
  outputs: readonly Artifact[],
): Promise<Verified> {
  if (outputs.length > MAX_ARTIFACTS) throw invalid("outputs", `${outputs.length} artifacts, at most ${MAX_ARTIFACTS}`);
  checkPorts(step, outputs);
  const kept: ArtifactRef[] = [];
  let layers = 0;
  let emptyLayers = 0;
  let facts: Facts | undefined;
  for (const [index, artifact] of outputs.entries()) {
    const port = step.outputPorts.find((candidate) => candidate.name === artifact.port) as PortSpec;
    const at = `outputs[${index}] (${port.name})`;
    const ref = await keepOne(blobs, tenant, lease, artifact, at);
    kept.push(ref);
    const isLayer = port.schema.startsWith(LAYER_SCHEMA_PREFIX) || port.layerSchema !== "";
    if (!isLayer && port.schema !== MEDIA_SCHEMA) continue;
    const value = await readJson(blobs, tenant, ref, at);
    if (port.schema === MEDIA_SCHEMA) facts = readFacts(value, at);
    if (!isLayer) continue;
    checkLayer(port, value, at);
    layers++;
    if ((value as { items: unknown[] }).items.length === 0) emptyLayers++;
  }
  return { outputs: await foldLists(blobs, tenant, kept), empty: layers > 0 && layers === emptyLayers, facts };
}

function invalid(field: string, description: string): HeimdexError {
  return new HeimdexError("OUTPUT_INVALID", `${field}: ${description}`, { fields: [{ field, description }] });
}

function checkPorts(step: Step, outputs: readonly Artifact[]): void {
  for (const [index, artifact] of outputs.entries()) {
    const port = step.outputPorts.find((candidate) => candidate.name === artifact.port);
    if (port === undefined)
      throw invalid(`outputs[${index}].port`, `${step.stage} declares no output port ${JSON.stringify(artifact.port)}`);
    if (artifact.mediaType !== port.mediaType)
      throw invalid(
        `outputs[${index}].media_type`,
        `${artifact.mediaType}, but port ${port.name} is ${port.mediaType}`,
      );
    if (!/^[0-9a-f]{64}$/.test(artifact.sha256))
      throw invalid(`outputs[${index}].sha256`, "64 lower-case hexadecimal digits");
  }
  for (const port of step.outputPorts) {
    const count = outputs.filter((artifact) => artifact.port === port.name).length;
    if (!port.many && count > 1) throw invalid("outputs", `${count} artifacts on port ${port.name}, which takes one`);
    if (!port.many && !port.optional && count === 0)
      throw invalid("outputs", `nothing on port ${port.name}, which is required`);
  }
}

async function keepOne(
  blobs: Blobs,
  tenant: string,
  lease: string,
  artifact: Artifact,
  at: string,
): Promise<ArtifactRef> {
  const { port, mediaType, sha256, size, name } = artifact;
  const ref = { port, mediaType, ...(name === "" ? {} : { name }) };
  switch (artifact.content?.$case) {
    case "inline": {
      const bytes = artifact.content.value;
      if (bytes.byteLength > MAX_INLINE)
        throw invalid(`${at}.inline`, `${bytes.byteLength} bytes, at most ${MAX_INLINE}: upload it`);
      if (bytes.byteLength !== size) throw invalid(`${at}.size`, `${size} said, ${bytes.byteLength} bytes came`);
      if (sha256Hex(bytes) !== sha256) throw invalid(`${at}.sha256`, "the bytes have another");
      return keep(blobs, tenant, ref, bytes);
    }
    case "upload":
      try {
        await blobs.commitUpload({ tenant, attempt: lease, n: artifact.content.value }, { tenant, sha256, size });
      } catch (reason) {
        const error = HeimdexError.from(reason);
        if (error.id === "BLOB_NOT_FOUND")
          throw invalid(`${at}.upload`, `nothing was uploaded as number ${artifact.content.value}`);
        if (error.id === "BLOB_DIGEST_MISMATCH") throw invalid(`${at}.sha256`, error.message);
        throw error;
      }
      return { ...ref, sha256, size };
    default:
      throw invalid(at, "has neither inline bytes nor the number of an upload");
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

function readFacts(value: unknown, at: string): Facts {
  const parsed = media.safeParse(value);
  if (!parsed.success)
    throw invalid(
      `${at}${pathOf(parsed.error.issues[0]?.path)}`,
      parsed.error.issues[0]?.message ?? "does not fit its schema",
    );
  const has = (type: string) => parsed.data.streams.some((stream) => stream.type === type);
  return {
    has_audio: has("audio"),
    has_video: has("video"),
    has_subtitles: has("subtitle"),
    duration_ms: parsed.data.duration_ms,
  };
}

const validators = new Map<string, ValidateFunction>();

function checkLayer(port: PortSpec, value: unknown, at: string): void {
  if (port.layerSchema !== "") {
    const validate =
      validators.get(port.layerSchema) ??
      new Ajv2020.Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(port.layerSchema) as object);
    validators.set(port.layerSchema, validate);
    if (!validate(value))
      throw invalid(
        `${at}${validate.errors?.[0]?.instancePath ?? ""}`,
        validate.errors?.[0]?.message ?? "does not fit its schema",
      );
    if (!Array.isArray((value as { items?: unknown } | null)?.items))
      throw invalid(`${at}/items`, "a layer has an array of items");
    return;
  }
  const kind = port.schema.slice(LAYER_SCHEMA_PREFIX.length).split(".")[0] as LayerKind;
  const schema = stageLayer[kind];
  if (schema === undefined) throw invalid(at, `${port.schema} is no layer of the sidecar's`);
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw invalid(
      `${at}${pathOf(parsed.error.issues[0]?.path)}`,
      parsed.error.issues[0]?.message ?? "does not fit its schema",
    );
}

function pathOf(path: readonly PropertyKey[] | undefined): string {
  return (path ?? []).map((part) => `/${String(part)}`).join("");
}
