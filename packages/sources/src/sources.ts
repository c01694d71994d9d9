import { createHash } from "node:crypto";
import { OPERATOR_TENANT } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";
import type { Blobs, ByteRange } from "@heimdex/ports";
import { fileNeighbours, hashFile, readFilePart, statFile } from "./file-source.ts";
import { listFolder } from "./folder-list.ts";
import { GuardedClient, type Resolve } from "./guarded-client.ts";
import { HttpSource } from "./http-source.ts";
import type { Neighbour } from "./media-name.ts";
import { S3Source } from "./s3-source.ts";
import { areTelling, assertSame, type SourceFacts } from "./source-facts.ts";
import type { SourcePage } from "./source-page.ts";
import { SourceRoots } from "./source-roots.ts";
import { parseSource } from "./source-uri.ts";
import type { SourcesConfig } from "./sources-config.ts";
import { statUpload, uploadBlob } from "./upload-source.ts";

export interface SourcesOptions {
  readonly config: SourcesConfig;
  /** Of uploads. */
  readonly blobs: Blobs;
  /** Folders that tenants other than the operator's may name files in, as `SourceRoots` has them. */
  readonly roots: readonly string[];
  /** How long a server may be silent, ms. Default 30,000. */
  readonly silenceMs?: number;
  /** All addresses of a name. Default: the system's. */
  readonly resolve?: Resolve;
}

/** Films where they lie, by URI: files, `https://`, `s3://` and uploads. What a source is, is told by its facts; its bytes are read by ranges, and only as long as
 * the facts are what they were.
 * Rejects with SOURCE_UNSUPPORTED, SOURCE_NOT_FOUND, SOURCE_UNREADABLE, SOURCE_UNAVAILABLE (another try makes sense), SOURCE_CHANGED, SOURCE_REFUSED,
 * SOURCE_ADDRESS_REFUSED, SOURCE_TOO_LARGE; or with the signal's reason. */
export class Sources implements Disposable {
  readonly #blobs: Blobs;
  readonly #roots: SourceRoots;
  readonly #client: GuardedClient;
  readonly #http: HttpSource;
  readonly #s3: S3Source;

  constructor({ config, blobs, roots, silenceMs = 30_000, resolve }: SourcesOptions) {
    this.#blobs = blobs;
    this.#roots = new SourceRoots(roots);
    const { privateHosts, maxBytes, s3 } = config;
    this.#client = new GuardedClient({ privateHosts, silenceMs, ...(resolve === undefined ? {} : { resolve }) });
    this.#http = new HttpSource(this.#client, maxBytes);
    this.#s3 = new S3Source(s3);
  }

  [Symbol.dispose](): void {
    this.#client.close();
    this.#s3.close();
  }

  /** Whether the tenant may name that source at all; no server is asked. Where a name on the web leads is looked at when it is read; an upload must be there. */
  async check(tenant: string, uri: string): Promise<void> {
    const place = parseSource(uri);
    if (place.kind === "file") await this.#roots.check(tenant, place.path);
    if (place.kind === "upload") await statUpload(this.#blobs, tenant, place);
    if (place.kind === "http") await this.#client.check(place.url, tenant === OPERATOR_TENANT);
    if (place.kind === "s3") this.#s3.bucketOf(tenant, place);
  }

  async stat(tenant: string, uri: string, signal?: AbortSignal): Promise<SourceFacts> {
    const place = parseSource(uri);
    switch (place.kind) {
      case "file":
        return statFile(place.path);
      case "http":
        return this.#http.stat(place, tenant === OPERATOR_TENANT, signal);
      case "s3":
        return this.#s3.stat(tenant, place, signal);
      case "upload":
        return statUpload(this.#blobs, tenant, place);
    }
  }

  /** Rejects with SOURCE_CHANGED when it is not as before. */
  async assertUnchanged(tenant: string, uri: string, before: SourceFacts, signal?: AbortSignal): Promise<void> {
    assertSame(nameOf(uri), before, await this.stat(tenant, uri, signal));
  }

  /** SHA-256 of all its bytes, read as they are now. */
  async fingerprint(tenant: string, uri: string, facts: SourceFacts, signal: AbortSignal): Promise<string> {
    const place = parseSource(uri);
    if (place.kind === "file") return hashFile(place.path, facts, signal);
    if (place.kind === "upload") return place.sha256;
    const hash = createHash("sha256");
    for await (const chunk of await this.read(tenant, uri, facts, { start: 0, end: facts.size }, signal))
      hash.update(chunk);
    if (!areTelling(facts)) await this.assertUnchanged(tenant, uri, facts, signal);
    return hash.digest("hex");
  }

  /** Bytes of the source. It is opened before this resolves: iterate over what it resolves with, or abort. */
  async read(
    tenant: string,
    uri: string,
    facts: SourceFacts,
    range: ByteRange,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const place = parseSource(uri);
    switch (place.kind) {
      case "file":
        return readFilePart(place.path, facts, range);
      case "http":
        return this.#http.read(place, facts, range, tenant === OPERATOR_TENANT, signal);
      case "s3":
        return this.#s3.read(tenant, place, facts, range, signal);
      case "upload":
        return this.#blobs.get(uploadBlob(tenant, place), range, signal);
    }
  }

  /** Small files beside it that belong to it. What cannot be read is left out, and `onUnreadable` hears of it. */
  async neighbours(
    tenant: string,
    uri: string,
    onUnreadable: (what: string, reason: unknown) => void,
  ): Promise<Neighbour[]> {
    const place = parseSource(uri);
    if (place.kind === "file") return fileNeighbours(place.path, onUnreadable);
    if (place.kind === "s3") return this.#s3.neighbours(tenant, place, onUnreadable);
    return [];
  }

  /** A path on this machine where it can be read; undefined where there is none. */
  localPath(tenant: string, uri: string): string | undefined {
    const place = parseSource(uri);
    if (place.kind === "file") return place.path;
    return place.kind === "upload" ? this.#blobs.localPath(uploadBlob(tenant, place)) : undefined;
  }

  /** A part of the films below a folder or a prefix of a bucket.
   * @param after `next` of the page before; "": the first page
   * @param limit files and objects that are looked at, 1 to 1000 */
  async list(tenant: string, uri: string, after: string, limit: number): Promise<SourcePage> {
    const place = parseSource(uri);
    if (place.kind === "file") {
      const mayName = (path: string) => this.#roots.check(tenant, path, true);
      await mayName(place.path);
      return listFolder(place.path, after, limit, mayName);
    }
    if (place.kind === "s3") return this.#s3.list(tenant, place, after, limit);
    throw new HeimdexError("SOURCE_UNSUPPORTED", `${uri} is no folder`, {
      metadata: { source: uri },
      help: "Folders are named by file:/// or s3://, with a slash at their end.",
    });
  }
}

/** Files are known by their path, all else by its URI. */
function nameOf(uri: string): string {
  const place = parseSource(uri);
  return place.kind === "file" ? place.path : uri;
}
