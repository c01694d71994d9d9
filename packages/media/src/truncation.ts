import type { ByteSource } from "./byte-source.ts";
import type { Sniffed } from "./sniff.ts";

/** Why the file's own structure says that its end is missing; undefined where it does not say so.
 * mp4 is judged by its boxes elsewhere. */
export async function cutOffReason(source: ByteSource, size: number, sniffed: Sniffed): Promise<string | undefined> {
  if (sniffed.kind === "mpegts" && size % sniffed.packet !== 0) return "the file ends inside a transport packet";
  if (sniffed.kind === "riff") return riffReason(await source.read(0, 12), size);
  if (sniffed.kind === "matroska") return matroskaReason(await source.read(0, 4096), size);
  return undefined;
}

/** RIFF states its length; live writers leave 0 or all ones. */
function riffReason(head: Buffer, size: number): string | undefined {
  const stated = head.readUInt32LE(4);
  if (head.toString("latin1", 0, 4) !== "RIFF" || stated === 0 || stated === 0xffffffff || stated + 8 <= size)
    return undefined;
  return `the file states ${stated + 8} bytes and has ${size}`;
}

/** The Segment element states its length; live writers state "unknown" (all value bits set). RFC 8794 section 4 and 6. */
function matroskaReason(head: Buffer, size: number): string | undefined {
  const header = element(head, 0);
  if (header?.length === undefined) return undefined;
  const segment = element(head, header.dataOffset + header.length);
  if (segment?.id !== 0x18538067 || segment.length === undefined) return undefined;
  const stated = segment.dataOffset + segment.length;
  return stated > size ? `the file states ${stated} bytes and has ${size}` : undefined;
}

function element(
  bytes: Buffer,
  offset: number,
): { id: number; dataOffset: number; length: number | undefined } | undefined {
  const idWidth = Math.clz32(bytes[offset] ?? 0) - 23;
  const lengthAt = offset + idWidth;
  const lengthWidth = Math.clz32(bytes[lengthAt] ?? 0) - 23;
  if (idWidth > 4 || lengthWidth > 8 || lengthAt + lengthWidth > bytes.length) return undefined;
  let length = BigInt((bytes[lengthAt] ?? 0) & (0xff >> lengthWidth));
  for (let n = 1; n < lengthWidth; n++) length = (length << 8n) | BigInt(bytes[lengthAt + n] ?? 0);
  const unknown = length === (1n << BigInt(7 * lengthWidth)) - 1n;
  return {
    id: bytes.readUIntBE(offset, idWidth),
    dataOffset: lengthAt + lengthWidth,
    length: unknown ? undefined : Number(length),
  };
}
