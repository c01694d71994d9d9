import { basename, extname } from "node:path";
import { Bucket, resolveS3Options } from "@heimdex/adapters-minio";
import { HeimdexError } from "@heimdex/errors";
import type { ByteRange } from "@heimdex/ports";
import { isMediaName, MAX_NEIGHBOUR_BYTES, MAX_NEIGHBOURS, NEIGHBOUR_TYPES, type Neighbour } from "./media-name.ts";
import { readOn } from "./read-on.ts";
import { assertSame, type SourceFacts } from "./source-facts.ts";
import type { SourcePage } from "./source-page.ts";
import type { SourcePlace } from "./source-uri.ts";
import type { S3SourceSettings } from "./sources-config.ts";

type S3Place = SourcePlace & { readonly kind: "s3" };

/** Films in the buckets that the settings name, read where they lie. */
export class S3Source {
  readonly #sources: readonly { readonly settings: S3SourceSettings; readonly bucket: Bucket }[];

  constructor(sources: readonly S3SourceSettings[]) {
    this.#sources = sources.map((settings) => {
      const { bucket, endpoint, region, access_key: accessKey } = settings;
      const secretKey = settings.secret_key.reveal();
      return { settings, bucket: new Bucket(resolveS3Options({ bucket, endpoint, region, accessKey, secretKey })) };
    });
  }

  close(): void {
    for (const { bucket } of this.#sources) bucket.close();
  }

  /** The bucket, where the tenant may name the object. Whether it is there is not looked at. Throws SOURCE_REFUSED. */
  bucketOf(tenant: string, { uri, bucket, key }: S3Place): Bucket {
    const found = this.#sources.find(
      ({ settings }) =>
        settings.bucket === bucket &&
        (settings.tenants.includes(tenant) || settings.tenants.includes("*")) &&
        key.startsWith(settings.prefix.replaceAll("{tenant}", tenant)),
    );
    if (found !== undefined) return found.bucket;
    throw new HeimdexError("SOURCE_REFUSED", `${uri} is in no bucket that the tenant ${tenant} may name objects of`, {
      metadata: { source: uri },
      help: "Buckets, with their keys and tenants, are named by HEIMDEX_SOURCES_S3_FILE of gateway and orchestrator.",
    });
  }

  async stat(tenant: string, place: S3Place, signal?: AbortSignal): Promise<SourceFacts> {
    const bucket = this.bucketOf(tenant, place);
    const found = await bucket.head(place.key, signal).catch((reason: unknown) => {
      throw fromBucket(reason, place.uri);
    });
    if (found === undefined)
      throw new HeimdexError("SOURCE_NOT_FOUND", `there is no object ${place.uri}`, {
        metadata: { source: place.uri },
      });
    return { size: found.size, modifiedMs: found.modifiedMs, tag: found.etag };
  }

  async read(
    tenant: string,
    place: S3Place,
    facts: SourceFacts,
    range: ByteRange,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const bucket = this.bucketOf(tenant, place);
    const from = (reason: unknown) => fromBucket(reason, place.uri);
    const open = async (start: number): Promise<AsyncIterable<Uint8Array>> => {
      const part = { start, end: range.end, ...(facts.tag === undefined ? {} : { etag: facts.tag }) };
      const reading = await bucket.get(place.key, part, signal).catch((reason: unknown) => {
        throw from(reason);
      });
      if (reading !== undefined) return reading;
      assertSame(place.uri, facts, await this.stat(tenant, place, signal));
      throw new HeimdexError("SOURCE_UNAVAILABLE", `${place.uri} was there, and not given`);
    };
    return readOn(await open(range.start), range, open, from, signal);
  }

  /** Subtitles beside the object, as they are read beside files. */
  async neighbours(
    tenant: string,
    place: S3Place,
    onUnreadable: (uri: string, reason: unknown) => void,
  ): Promise<Neighbour[]> {
    const bucket = this.bucketOf(tenant, place);
    const stem = place.key.slice(0, place.key.length - extname(place.key).length);
    const found: Neighbour[] = [];
    try {
      for (const { name, size } of await bucket.list(`${stem}.`, "", 1000)) {
        const mediaType = NEIGHBOUR_TYPES[extname(name).toLowerCase()];
        const isBeside = name !== place.key && !name.slice(stem.length).includes("/");
        if (mediaType === undefined || !isBeside || size > MAX_NEIGHBOUR_BYTES || found.length >= MAX_NEIGHBOURS)
          continue;
        const bytes = await bucket.whole(name);
        if (bytes !== undefined) found.push({ name: basename(name), mediaType, bytes });
      }
    } catch (reason) {
      onUnreadable(place.uri, reason);
    }
    return found;
  }

  /** Objects below a prefix, in the order of their keys' bytes.
   * @param after key behind which to go on; "": from the first */
  async list(tenant: string, place: S3Place, after: string, limit: number): Promise<SourcePage> {
    const bucket = this.bucketOf(tenant, place);
    const listed = await bucket.list(place.key, after, limit).catch((reason: unknown) => {
      throw fromBucket(reason, place.uri);
    });
    const page: { sources: SourcePage["sources"][number][]; leftOut: SourcePage["leftOut"][number][] } = {
      sources: [],
      leftOut: [],
    };
    for (const { name, size, modifiedMs } of listed) {
      const uri = `s3://${place.bucket}/${name}`;
      const why = whyLeftOut(name, size);
      if (why === undefined) page.sources.push({ uri, size, modifiedMs });
      else page.leftOut.push({ uri, why });
    }
    return { ...page, next: listed.length < limit ? "" : (listed.at(-1)?.name ?? "") };
  }
}

function whyLeftOut(key: string, size: number): string | undefined {
  if (key.endsWith("/")) return "a folder's mark";
  if (key.split("/").some((part) => part.startsWith("."))) return "its name, or a folder's, begins with a dot";
  if (!isMediaName(key)) return "its name is not that of media";
  if (size === 0) return "it is empty";
  return undefined;
}

/** What the store answered, in the words of sources. */
function fromBucket(reason: unknown, uri: string): HeimdexError {
  const error = HeimdexError.from(reason);
  const options = { cause: reason, metadata: { source: uri } };
  if (error.id === "BLOB_STORE_REFUSED")
    return new HeimdexError("SOURCE_UNREADABLE", `${uri} cannot be read: ${error.message}`, {
      ...options,
      help: error.help,
    });
  const code = (reason as NodeJS.ErrnoException).code ?? "";
  if (
    error.id === "BLOB_UNAVAILABLE" ||
    code === "ECONNRESET" ||
    code === "HEIMDEX_SILENCE" ||
    code === "ERR_STREAM_PREMATURE_CLOSE"
  )
    return new HeimdexError("SOURCE_UNAVAILABLE", `${uri} cannot be reached just now: ${error.message}`, options);
  return error;
}
