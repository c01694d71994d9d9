import { inflateSync } from "node:zlib";
import type { ByteSource } from "./byte-source.ts";

/** A box of ISO/IEC 14496-12 section 4.2: four letters, a size that includes its header. */
export interface Box {
  readonly type: string;
  /** Offset of its header. */
  readonly offset: number;
  /** Header and content, as stated; reaches to the end of the file where the box says so. */
  readonly size: number;
  readonly headerSize: number;
}

/** A fragmented file of many hours has tens of thousands of boxes; a walk beyond this tells nothing new. */
const MAX_BOXES = 200_000;

/** Boxes between `start` and `end`, one after the other. Stops where the bytes are no box. */
export async function* walkBoxes(source: ByteSource, start: number, end: number): AsyncGenerator<Box> {
  for (let offset = start, seen = 0; offset + 8 <= end && seen < MAX_BOXES; seen++) {
    const header = await source.read(offset, 16);
    if (header.length < 8) return;
    const type = header.toString("latin1", 4, 8);
    let size = header.readUInt32BE(0);
    let headerSize = 8;
    if (size === 1 && header.length === 16) {
      size = Number(header.readBigUInt64BE(8));
      headerSize = 16;
    } else if (size === 0) {
      size = end - offset;
    }
    if (size < headerSize || !/^[\x20-\x7e\xa9]{4}$/.test(type)) return;
    yield { type, offset, size, headerSize };
    offset += size;
  }
}

export interface IsoFile {
  /** A whole `moov` is there. */
  readonly hasIndex: boolean;
  /** The last box ends behind the end of the file. */
  readonly cutOff: boolean;
  /** What the file points at outside itself, where it does. */
  readonly reference: string | undefined;
}

const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "dinf"]);

/** Reads the structure of an mp4 or QuickTime file. */
export async function inspectIso(source: ByteSource, size: number): Promise<IsoFile> {
  let hasIndex = false;
  let cutOff = false;
  let reference: string | undefined;
  for await (const box of walkBoxes(source, 0, size)) {
    const whole = box.offset + box.size <= size;
    if (!whole) cutOff = true;
    if (box.type !== "moov") continue;
    hasIndex = whole;
    if (whole) reference ??= await externalReference(source, box);
  }
  return { hasIndex, cutOff, reference };
}

/** Finds `dref` entries that are not "in this file" (flag 1) and say where else, and QuickTime's reference movies (`rmra`). */
async function externalReference(source: ByteSource, parent: Box, depth = 0): Promise<string | undefined> {
  for await (const box of walkBoxes(source, parent.offset + parent.headerSize, parent.offset + parent.size)) {
    let found: string | undefined;
    if (box.type === "rmra") found = "a reference movie";
    else if (box.type === "dref") found = await foreignEntry(source, box);
    else if (box.type === "cmov") found = await compressedReference(source, box);
    else if (CONTAINERS.has(box.type) && depth < 6) found = await externalReference(source, box, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function foreignEntry(source: ByteSource, dref: Box): Promise<string | undefined> {
  // Version and flags (4) and the count of entries (4) stand before the entries, which are boxes themselves.
  for await (const entry of walkBoxes(source, dref.offset + dref.headerSize + 8, dref.offset + dref.size)) {
    const flags = (await source.read(entry.offset + entry.headerSize, 4)).at(3) ?? 0;
    if ((flags & 1) === 0 && entry.size > entry.headerSize + 4) {
      const text = await source.read(
        entry.offset + entry.headerSize + 4,
        Math.min(entry.size - entry.headerSize - 4, 200),
      );
      return `a data reference of type ${entry.type.trim()} (${text
        .toString("latin1")
        .replace(/[^\x20-\x7e]+/g, " ")
        .trim()})`;
    }
  }
  return undefined;
}

/** A zlib-compressed index (QuickTime File Format, "Compressed Movie Resources"): dcom names the method, cmvd holds it. */
async function compressedReference(source: ByteSource, cmov: Box): Promise<string | undefined> {
  for await (const box of walkBoxes(source, cmov.offset + cmov.headerSize, cmov.offset + cmov.size)) {
    if (box.type !== "cmvd") continue;
    const packed = await source.read(box.offset + box.headerSize + 4, box.size - box.headerSize - 4);
    let moov: Buffer;
    try {
      moov = inflateSync(packed, { maxOutputLength: 64 * 1024 * 1024 });
    } catch {
      return "a compressed index that cannot be read"; // what cannot be checked is not let through
    }
    const inner: ByteSource = {
      size: moov.length,
      read: async (offset, length) => moov.subarray(offset, offset + length),
      [Symbol.asyncDispose]: async () => {},
    };
    for await (const top of walkBoxes(inner, 0, moov.length)) {
      const found = top.type === "moov" ? await externalReference(inner, top) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
