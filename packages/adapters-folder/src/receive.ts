import type { FileHandle } from "node:fs/promises";
import { type Bound, receive, type Stored } from "@heimdex/ports";
import { disk } from "./disk-error.ts";

/** Writes a stream to a file, hashing it on the way.
 * @throws what `receive` does, HeimdexError DISK_FULL */
export function receiveTo(
  handle: FileHandle,
  bytes: AsyncIterable<Uint8Array>,
  bound: Bound,
  signal: AbortSignal | undefined,
): Promise<Stored> {
  return receive(bytes, bound, (chunk) => disk(writeAll(handle, chunk)), signal);
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}
