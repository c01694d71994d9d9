import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Artifact } from "@heimdex/contracts/stage/v1/work_service";
import { canonicalJson } from "./canonical-json.ts";
import { StageFailure } from "./failure.ts";
import type { Port } from "./port.ts";
import type { OutputBytes } from "./stage.ts";
import { type Payload, upload } from "./upload.ts";

/** Outputs up to this size travel within FinishLeases. */
const INLINE_BYTES = 64 * 1024;
/** All inline outputs of one attempt: what is beyond is uploaded, so that several attempts fit one call of 3 MiB. */
const INLINE_BYTES_PER_ATTEMPT = 1024 * 1024;
const MAX_LIST = 4_096;
const UPLOADS_AT_ONCE = 4;
/** What one CreateUploads call takes. */
const UPLOADS_PER_CALL = 1_024;

/** Gives signed URLs for uploads `first`, `first + 1`, ... of these sizes. */
export type CreateUploads = (sizes: readonly number[], first: number) => Promise<readonly string[]>;

interface Item {
  readonly port: string;
  readonly mediaType: string;
  readonly payload: Payload;
  readonly size: number;
}

/** Checks what `run` returned against the output ports and brings it to the server: small outputs inline, the rest by upload.
 * Rejects with a StageFailure: OUTPUT_MISSING, OUTPUT_UNKNOWN, OUTPUT_INVALID (TERMINAL: the stage has a fault), or what `upload` rejects with. */
export async function sendOutputs(
  ports: Readonly<Record<string, Port>>,
  returned: Readonly<Record<string, unknown>>,
  createUploads: CreateUploads,
  signal: AbortSignal,
): Promise<Artifact[]> {
  const items = await itemsOf(ports, returned);
  const artifacts = new Array<Artifact>(items.length);
  const large: number[] = [];
  let inlineBytes = 0;
  for (const [at, item] of items.entries()) {
    if (item.size > INLINE_BYTES || inlineBytes + item.size > INLINE_BYTES_PER_ATTEMPT) {
      large.push(at);
      continue;
    }
    inlineBytes += item.size;
    artifacts[at] = await inline(item);
  }
  for (let first = 0; first < large.length; first += UPLOADS_PER_CALL) {
    const batch = large.slice(first, first + UPLOADS_PER_CALL);
    const urls = await createUploads(
      batch.map((at) => (items[at] as Item).size),
      first,
    );
    if (urls.length !== batch.length) throw new Error(`asked for ${batch.length} upload URLs, got ${urls.length}`);
    let next = 0;
    const sendNext = async (): Promise<void> => {
      while (next < batch.length) {
        const place = next++;
        const at = batch[place] as number;
        const item = items[at] as Item;
        const sha256 = await upload(urls[place] as string, item.payload, item.size, signal);
        artifacts[at] = artifact(item, sha256, { $case: "upload", value: first + place });
      }
    };
    await Promise.all(Array.from({ length: Math.min(UPLOADS_AT_ONCE, batch.length) }, sendNext));
  }
  return artifacts;
}

async function itemsOf(
  ports: Readonly<Record<string, Port>>,
  returned: Readonly<Record<string, unknown>>,
): Promise<Item[]> {
  for (const name of Object.keys(returned ?? {}))
    if (!(name in ports)) throw fault("OUTPUT_UNKNOWN", `There is no output port ${name}.`);
  const items: Item[] = [];
  for (const [name, port] of Object.entries(ports)) {
    const value = returned?.[name];
    if (value === undefined || value === null) {
      if (!port.optional) throw fault("OUTPUT_MISSING", `Nothing was put out on port ${name}.`);
    } else if (port.many) {
      if (!Array.isArray(value)) throw fault("OUTPUT_INVALID", `Port ${name} takes a list.`);
      if (value.length > MAX_LIST)
        throw fault("OUTPUT_INVALID", `Port ${name} takes at most ${MAX_LIST}, not ${value.length}.`);
      for (const [at, one] of value.entries()) items.push(await bytesItem(`${name}[${at}]`, name, port, one));
    } else if (port.json !== undefined) {
      items.push(jsonItem(name, port, value));
    } else {
      items.push(await bytesItem(name, name, port, value));
    }
  }
  return items;
}

function jsonItem(name: string, port: Port, value: unknown): Item {
  const bytes = Buffer.from(canonicalJson(checked(name, port, value)));
  return { port: name, mediaType: port.mediaType, payload: { bytes }, size: bytes.length };
}

function checked(name: string, port: Port, value: unknown): unknown {
  const parsed = port.json?.safeParse(value);
  if (parsed?.success === false) {
    const issues = parsed.error.issues
      .slice(0, 5)
      .map(({ path, message }) => `${[name, ...path].join(".")}: ${message}`);
    throw fault("OUTPUT_INVALID", issues.join("; "));
  }
  return parsed?.data;
}

async function bytesItem(label: string, name: string, port: Port, value: unknown): Promise<Item> {
  if (typeof value !== "object" || value === null)
    throw fault("OUTPUT_INVALID", `Output ${label} is neither { bytes } nor { file }.`);
  const output = value as OutputBytes;
  const mediaType = output.mediaType ?? port.mediaType;
  if ("bytes" in output && output.bytes instanceof Uint8Array) {
    if (port.json !== undefined) checked(label, port, parse(label, output.bytes));
    return { port: name, mediaType, payload: { bytes: output.bytes }, size: output.bytes.length };
  }
  if (!("file" in output) || typeof output.file !== "string")
    throw fault("OUTPUT_INVALID", `Output ${label} is neither { bytes } nor { file }.`);
  const facts = await stat(output.file).catch((cause: unknown) => {
    throw fault("OUTPUT_MISSING", `Output ${label} names a file that is not there: ${output.file}`, cause);
  });
  if (!facts.isFile()) throw fault("OUTPUT_INVALID", `Output ${label} is no file: ${output.file}`);
  if (port.json !== undefined) checked(label, port, parse(label, await readFile(output.file)));
  return { port: name, mediaType, payload: { file: output.file }, size: facts.size };
}

function parse(label: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw fault("OUTPUT_INVALID", `Output ${label} is no JSON.`, cause);
  }
}

async function inline(item: Item): Promise<Artifact> {
  const bytes = "file" in item.payload ? await readFile(item.payload.file) : item.payload.bytes;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sha256 = createHash("sha256").update(buffer).digest("hex");
  return artifact({ ...item, size: buffer.length }, sha256, { $case: "inline", value: buffer });
}

function artifact({ port, mediaType, size }: Item, sha256: string, content: Artifact["content"]): Artifact {
  return { port, mediaType, sha256, size, content, path: "", name: "" };
}

function fault(reason: string, message: string, cause?: unknown): StageFailure {
  return new StageFailure("TERMINAL", reason, message, {
    help: "The stage has a fault: report it with its name and version.",
    cause,
  });
}
