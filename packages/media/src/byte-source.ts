import { type FileHandle, open } from "node:fs/promises";
import { isUrl } from "./location.ts";
import { MediaError } from "./media-error.ts";

/** Random access to the bytes of a file or URL. Close it after use. */
export interface ByteSource extends AsyncDisposable {
  /** Bytes in all; undefined where a server does not say. */
  readonly size: number | undefined;
  /** Bytes from `offset` on: fewer than `length` only at the end. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** Small reads of one neighbourhood (boxes, headers) are served from blocks of this size. */
const BLOCK = 64 * 1024;
const BLOCKS_KEPT = 16;

/** Opens a location for reading.
 * @throws MediaError SOURCE_NOT_FOUND | SOURCE_UNREADABLE (no permission, no regular file, a server's refusal) */
export async function openByteSource(location: string, signal?: AbortSignal): Promise<ByteSource> {
  return isUrl(location) ? openUrl(location, signal) : openFile(location);
}

async function openFile(path: string): Promise<ByteSource> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (cause) {
    throw unopened(path, cause as NodeJS.ErrnoException);
  }
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw new MediaError("SOURCE_UNREADABLE", `${path} is not a regular file`, { help: "Name a media file." });
  }
  return {
    size: stat.size,
    read: blocks(async (offset, length) => {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    }),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

function unopened(path: string, cause: NodeJS.ErrnoException): MediaError {
  if (cause.code === "ENOENT" || cause.code === "ENOTDIR")
    return new MediaError("SOURCE_NOT_FOUND", `there is nothing at ${path}`, { help: "Check the path.", cause });
  return new MediaError("SOURCE_UNREADABLE", `${path} cannot be read: ${cause.message}`, {
    help: "Check the file's permissions.",
    cause,
  });
}

async function openUrl(url: string, signal: AbortSignal | undefined): Promise<ByteSource> {
  const range = async (offset: number, length: number): Promise<Response> => {
    try {
      const response = await fetch(url, {
        headers: { range: `bytes=${offset}-${offset + length - 1}` },
        signal: signal ?? null,
      });
      // 416: the range begins behind the end, as any range of an empty file does.
      if (response.ok || response.status === 416) return response;
      await response.body?.cancel();
      const reason = response.status === 404 ? "SOURCE_NOT_FOUND" : "SOURCE_UNREADABLE";
      throw new MediaError(reason, `the source's server answers ${response.status}`, { help: "Check the source." });
    } catch (cause) {
      if (signal?.aborted || cause instanceof MediaError) throw cause;
      throw new MediaError("SOURCE_UNREADABLE", `the source cannot be fetched: ${(cause as Error).message}`, {
        help: "Check that this machine reaches the source.",
        cause,
      });
    }
  };
  const first = await range(0, BLOCK);
  await first.body?.cancel();
  return {
    size: sizeOf(first),
    read: blocks(async (offset, length) => {
      const response = await range(offset, length);
      if (response.status === 416 || (response.status === 200 && offset > 0)) {
        await response.body?.cancel();
        return Buffer.alloc(0);
      }
      return firstBytes(response, length);
    }),
    [Symbol.asyncDispose]: async () => {},
  };
}

function sizeOf(response: Response): number | undefined {
  const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (total !== undefined) return Number(total);
  const length = response.headers.get("content-length");
  return response.status === 200 && length !== null ? Number(length) : undefined;
}

/** A server that ignores ranges sends everything: take what was asked for and hang up. */
async function firstBytes(response: Response, length: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let got = 0;
  if (response.body !== null)
    for await (const part of response.body) {
      parts.push(part as Uint8Array);
      got += (part as Uint8Array).length;
      if (got >= length) break;
    }
  return Buffer.concat(parts).subarray(0, length);
}

function blocks(load: (offset: number, length: number) => Promise<Buffer>): ByteSource["read"] {
  const kept = new Map<number, Buffer>();
  const block = async (index: number): Promise<Buffer> => {
    const known = kept.get(index);
    if (known !== undefined) return known;
    const loaded = await load(index * BLOCK, BLOCK);
    kept.set(index, loaded);
    const oldest = kept.keys().next();
    if (kept.size > BLOCKS_KEPT && !oldest.done) kept.delete(oldest.value);
    return loaded;
  };
  return async (offset, length) => {
    const parts: Buffer[] = [];
    for (let at = offset; at < offset + length; ) {
      const bytes = await block(Math.floor(at / BLOCK));
      const part = bytes.subarray(at % BLOCK, (at % BLOCK) + offset + length - at);
      if (part.length === 0) break;
      parts.push(part);
      at += part.length;
    }
    return Buffer.concat(parts);
  };
}
