import { open, rm, stat } from "node:fs/promises";
import type { Secret } from "@heimdex/config";
import { FetchFailure } from "./fetch-failure.ts";
import type { FetchLimits } from "./fetch-limits.ts";
import type { HttpClient } from "./http-client.ts";
import { retried } from "./retry.ts";

export interface Download {
  readonly url: URL;
  readonly token?: Secret | undefined;
  /** Bytes. */
  readonly size: number;
  /** Where it is put together; what a process that ended left there is gone on with. The caller names it after the content. */
  readonly part: string;
  /** Called with the bytes that are there; falls when a server makes it start anew. */
  readonly onBytes: (bytes: number) => void;
  readonly onProblem: (text: string) => void;
}

/** Fetches bytes up to `size`, going on by range requests wherever it was cut off, also in an earlier process. Does not look at what the
 * bytes are. Servers that ignore ranges start anew. Throws FetchFailure; what is there stays. */
export async function download(
  client: HttpClient,
  { url, token, size, part, onBytes, onProblem }: Download,
  limits: FetchLimits,
  signal?: AbortSignal,
): Promise<void> {
  let most = await sizeOf(part);
  let before = most;
  if (most > size) await rm(part);
  onBytes(await sizeOf(part));
  await retried(
    async () => {
      before = most;
      const have = await sizeOf(part);
      if (have === size && (await exists(part))) return;
      const answer = await client
        .get(url, { token, signal, ...(have > 0 && { range: `bytes=${have}-` }) })
        .catch(async (error) => {
          if (!(error instanceof FetchFailure) || error.status !== RANGE_NOT_SATISFIABLE) throw error;
          await rm(part, { force: true });
          throw new FetchFailure(error.message, { transient: true });
        });
      const goesOn = answer.status === PARTIAL && startOf(answer.headers["content-range"]) === have;
      if (answer.status === PARTIAL && !goesOn) {
        answer.close();
        await rm(part, { force: true });
        throw new FetchFailure(`${url.origin}${url.pathname} sends another part than asked for`, { transient: true });
      }
      await using file = await open(part, goesOn ? "a" : "w");
      let at = goesOn ? have : 0;
      for await (const piece of answer.body) {
        // More than announced is as wrong as less: the digest would say so, but not before the disk is full.
        const wanted = piece.subarray(0, size - at);
        await file.appendFile(wanted);
        at += wanted.length;
        most = Math.max(most, at);
        onBytes(at);
        if (at === size) break;
      }
      await file.sync();
      if (at < size)
        throw new FetchFailure(`${url.origin}${url.pathname} ends after ${at} of ${size} bytes`, { transient: true });
    },
    limits,
    onProblem,
    signal,
    () => most > before,
  );
}

const PARTIAL = 206;
const RANGE_NOT_SATISFIABLE = 416;

/** `bytes 100-199/200`: where the part begins. */
function startOf(range: string | undefined): number | undefined {
  const start = /^bytes (\d+)-/.exec(range ?? "")?.[1];
  return start === undefined ? undefined : Number(start);
}

async function sizeOf(path: string): Promise<number> {
  return (await statOf(path))?.size ?? 0;
}
const exists = async (path: string) => (await statOf(path)) !== undefined;
const statOf = (path: string) =>
  stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
