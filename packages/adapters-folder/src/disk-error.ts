import { HeimdexError } from "@heimdex/errors";

/** Codes of Node's file functions that mean "no room": the disk, the user's quota, or the largest file the file system or the process may write. */
const FULL: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** What a file function threw, as one of ours; the cause is kept. */
export function fromDisk(reason: unknown): HeimdexError {
  if (reason instanceof HeimdexError) return reason;
  if (FULL.has(codeOf(reason)))
    return new HeimdexError("DISK_FULL", `no room for a blob: ${(reason as Error).message}`, { cause: reason });
  return HeimdexError.from(reason);
}

/** Awaits file functions, and nothing else, so that errors of a caller's stream stay what they are. */
export async function disk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fromDisk(error);
  }
}

/** Undefined when the file function fails with one of `codes`. */
export async function unless<T>(codes: readonly string[], work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codes.includes(codeOf(error) ?? "")) return undefined;
    throw fromDisk(error);
  }
}

/** There is nothing at a path: it, or a folder above it, is missing or no folder. */
export const ABSENT = ["ENOENT", "ENOTDIR"] as const;
