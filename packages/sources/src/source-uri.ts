import { basename } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { HeimdexError } from "@heimdex/errors";

/** A source's URI, taken apart. `uri` is the one way of writing it. */
export type SourcePlace =
  | { readonly kind: "file"; readonly uri: string; readonly path: string }
  | { readonly kind: "http"; readonly uri: string; readonly url: URL }
  | { readonly kind: "s3"; readonly uri: string; readonly bucket: string; readonly key: string }
  | {
      readonly kind: "upload";
      readonly uri: string;
      readonly sha256: string;
      /** Bytes. */
      readonly size: number;
      readonly name: string;
    };

const MAX_LENGTH = 16_384;
const UPLOAD = /^heimdex:\/\/uploads\/([0-9a-f]{64})\/(\d{1,16})\/([^/?#]+)$/;
const UPLOADS = "heimdex://uploads/";

/** Reads a source's URI:
 * - `file:///films/harbour.mp4`, percent-encoded;
 * - `https://host/harbour.mp4`, and `http://`, which serves only hosts that the server's settings name;
 * - `s3://bucket/films/harbour.mp4`, the key behind the bucket as it is, nothing encoded;
 * - `heimdex://uploads/SHA256/SIZE/NAME`, as UploadService gives it.
 * A folder ends with a slash.
 * @throws HeimdexError SOURCE_UNSUPPORTED for anything else */
export function parseSource(uri: string): SourcePlace {
  const problem = (why: string, cause?: unknown) =>
    new HeimdexError("SOURCE_UNSUPPORTED", `${uri.slice(0, 500)} ${why}`, {
      cause,
      metadata: { source: uri.slice(0, 500) },
    });
  if (uri.length > MAX_LENGTH) throw problem(`is longer than ${MAX_LENGTH} characters`);
  if (/\p{Cc}/u.test(uri)) throw problem("holds a control character");
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === "file") return filePlace(uri, problem);
  if (scheme === "http" || scheme === "https") return httpPlace(uri, problem);
  if (scheme === "s3") return s3Place(uri, problem);
  if (scheme === "heimdex") return uploadPlace(uri, problem);
  throw problem("is no source: it begins with file:///, https://, s3:// or heimdex://uploads/");
}

type Problem = (why: string, cause?: unknown) => HeimdexError;

function filePlace(uri: string, problem: Problem): SourcePlace {
  if (!URL.canParse(uri)) throw problem("must be a well-formed URI");
  const url = new URL(uri);
  if (url.host !== "") throw problem("must name no other machine");
  if (url.search !== "" || url.hash !== "") throw problem("must have `?` and `#` of a name percent-encoded");
  if (url.pathname === "/") throw problem("must name a file");
  try {
    const path = fileURLToPath(url);
    if (path.includes("\0")) throw problem("must not contain a NUL");
    return { kind: "file", uri: pathToFileURL(path).href, path };
  } catch (reason) {
    if (reason instanceof HeimdexError) throw reason;
    // Names need not be UTF-8 on disk, but a URI here must be: the API is JSON, and could not name the file back.
    throw problem("must be UTF-8 where it is percent-encoded, with no encoded slash", reason);
  }
}

function httpPlace(uri: string, problem: Problem): SourcePlace {
  if (!URL.canParse(uri)) throw problem("must be a well-formed URI");
  const url = new URL(uri);
  // It would be kept in catalog and sidecars, where everybody who reads may see it.
  if (url.username !== "" || url.password !== "") throw problem("must hold no user and no password");
  if (url.hash !== "") throw problem("must have no fragment");
  return { kind: "http", uri: url.href, url };
}

function s3Place(uri: string, problem: Problem): SourcePlace {
  const [, bucket = "", key = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/i.exec(uri) ?? [];
  if (bucket === "") throw problem("must be s3://BUCKET/KEY");
  return { kind: "s3", uri: `s3://${bucket}/${key}`, bucket, key };
}

function uploadPlace(uri: string, problem: Problem): SourcePlace {
  const [, sha256 = "", size = "", encoded = ""] = UPLOAD.exec(uri) ?? [];
  try {
    const name = decodeURIComponent(encoded);
    if (sha256 === "" || !Number.isSafeInteger(Number(size))) throw problem("is no upload");
    return { kind: "upload", uri: uploadUri(sha256, Number(size), name), sha256, size: Number(size), name };
  } catch (reason) {
    if (reason instanceof HeimdexError) throw reason;
    throw problem("must be UTF-8 where it is percent-encoded", reason);
  }
}

/** The URI of a film that was uploaded. */
export function uploadUri(sha256: string, size: number, name: string): string {
  return `${UPLOADS}${sha256}/${size}/${encodeURIComponent(name)}`;
}

/** A source's name, for people: that of its file or object. */
export function sourceName(uri: string): string {
  const place = parseSource(uri);
  switch (place.kind) {
    case "file":
      return basename(place.path);
    case "http":
      return fileName(decoded(place.url.pathname)) || place.url.host;
    case "s3":
      return fileName(place.key) || place.bucket;
    case "upload":
      return fileName(place.name) || "upload";
  }
}

/** The last part of a path, fit to be a file's name wherever one is made of it; "" where it is none. */
function fileName(path: string): string {
  const name = basename(path.replaceAll("\\", "/"));
  return name === "." || name === ".." ? "" : name;
}

/** Names on the web need not be encoded well. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (reason) {
    if (!(reason instanceof URIError)) throw reason;
    return text;
  }
}
