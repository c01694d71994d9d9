import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Analyze, analyzeWords } from "./tokens.ts";

export interface LanceOptions {
  /** How texts become words; `terms` of a search must be made by the same. Default: lower-cased words, NFKC, no stemming. */
  readonly analyze?: Analyze;
  /** Names the analyzer and its version. An index made with another one is not used: it opens empty, to be filled anew. Default "words-1"; give one
   * whenever `analyze` is given. */
  readonly analyzerId?: string;
  /** Credentials, endpoint and region of an object store, as LanceDB names them. Default none. */
  readonly storageOptions?: Readonly<Record<string, string>>;
  /** How long versions are kept for searches under way, here and in other processes, before `optimize` removes them. Milliseconds, default 60,000. */
  readonly retainMs?: number;
}

export interface ResolvedOptions {
  readonly uri: string;
  /** The folder, when it is one on this machine. */
  readonly folder: string | undefined;
  readonly analyze: Analyze;
  readonly analyzerId: string;
  readonly storageOptions: Record<string, string>;
  readonly retainMs: number;
}

/** @param location a folder (created), a file:// URL or an object store's URI such as s3://bucket/prefix. */
export async function resolveOptions(location: string, options: LanceOptions): Promise<ResolvedOptions> {
  const folder = /^file:/i.test(location)
    ? fileURLToPath(location)
    : /^[a-z][a-z0-9+.-]+:\/\//i.test(location)
      ? undefined
      : resolve(location);
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  return {
    uri: folder ?? location,
    folder,
    analyze: options.analyze ?? analyzeWords,
    analyzerId: options.analyzerId ?? "words-1",
    storageOptions: { ...options.storageOptions },
    retainMs: options.retainMs ?? 60_000,
  };
}
