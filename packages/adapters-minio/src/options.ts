import { HeimdexError } from "@heimdex/errors";

export interface S3Options {
  /** Where this process reaches the store: `http://minio:9000`, `https://s3.eu-central-1.amazonaws.com`. No path. */
  readonly endpoint: string;
  /** Where browsers and workers outside reach the same store: the host of URLs for them. It is never called from here. Default: `endpoint`. */
  readonly publicEndpoint?: string;
  /** Created when it is missing. May hold other objects: they are left alone. */
  readonly bucket: string;
  /** Default `us-east-1`, which is also what MinIO takes unless set otherwise. */
  readonly region?: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of temporary credentials. Default none. */
  readonly sessionToken?: string;
  /** How long the store may be silent before a call counts as failed, ms. Copies within the store are given more by their size. Default 30,000. */
  readonly silenceMs?: number;
}

export interface ResolvedS3Options extends Required<Omit<S3Options, "endpoint" | "publicEndpoint" | "sessionToken">> {
  readonly endpoint: URL;
  readonly publicEndpoint: URL;
  readonly sessionToken: string | undefined;
}

/** @throws HeimdexError CONFIG_INVALID */
export function resolveS3Options(options: S3Options): ResolvedS3Options {
  const { bucket, accessKey, secretKey } = options;
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw invalid("bucket", `${JSON.stringify(bucket)} is no bucket's name: 3 to 63 of a-z, 0-9, "-", "."`);
  if (accessKey === "") throw invalid("accessKey", "is empty");
  if (secretKey === "") throw invalid("secretKey", "is empty");
  return {
    endpoint: endpointOf("endpoint", options.endpoint),
    publicEndpoint: endpointOf("publicEndpoint", options.publicEndpoint ?? options.endpoint),
    bucket,
    region: options.region ?? "us-east-1",
    accessKey,
    secretKey,
    sessionToken: options.sessionToken,
    silenceMs: options.silenceMs ?? 30_000,
  };
}

function endpointOf(field: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.pathname === "/" && url.search === "" && url.username === "";
  if (!isPlain || !/^https?:$/.test(url.protocol))
    throw invalid(field, "must be http(s)://HOST[:PORT], without path, key or query");
  return url;
}

function invalid(field: string, description: string): HeimdexError {
  return new HeimdexError("CONFIG_INVALID", `blob store: ${field} ${description}`, {
    fields: [{ field, description }],
  });
}
