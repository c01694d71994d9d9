import type { Reach } from "@heimdex/ports";
import aws4 from "aws4";
import type { ResolvedS3Options } from "./options.ts";

/** Longest life of a presigned URL in S3, seconds. */
const MAX_LIFE_S = 7 * 24 * 60 * 60;

/** Makes URLs that let whoever has one do one thing with one object (AWS Signature Version 4 in the query). Signs for one of
 * the endpoints, and calls nobody. minio-js has this too, but signs no Content-Length, so that a URL to put would take any number of bytes. */
export class Presigner {
  readonly #options: ResolvedS3Options;

  constructor(options: ResolvedS3Options) {
    this.#options = options;
  }

  get(name: string, lifeMs: number, reach: Reach): string {
    return this.#url("GET", name, lifeMs, reach, {});
  }

  /** The store takes exactly `size` bytes, which the request must state as its Content-Length. */
  put(name: string, size: number, lifeMs: number, reach: Reach): string {
    return this.#url("PUT", name, lifeMs, reach, { "content-length": String(size) });
  }

  #url(method: "GET" | "PUT", name: string, lifeMs: number, reach: Reach, headers: Record<string, string>): string {
    const { bucket, region, accessKey, secretKey, sessionToken } = this.#options;
    const { host, origin } = reach === "inside" ? this.#options.endpoint : this.#options.publicEndpoint;
    const lifeS = Math.min(MAX_LIFE_S, Math.max(1, Math.ceil(lifeMs / 1000)));
    const { path } = aws4.sign(
      {
        service: "s3",
        region,
        method,
        host,
        path: `/${bucket}/${name}?X-Amz-Expires=${lifeS}`,
        headers,
        signQuery: true,
      },
      {
        accessKeyId: accessKey,
        secretAccessKey: secretKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      },
    );
    return `${origin}${path}`;
  }
}
