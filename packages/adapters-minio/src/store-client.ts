import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "minio";
import { bytesOf } from "./answer.ts";
import type { ResolvedS3Options } from "./options.ts";
import { fromStore, isTransient } from "./s3-error.ts";
import { Transport } from "./transport.ts";

const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 100;
const EMPTY = Buffer.alloc(0);

export interface StoreRequest {
  readonly method: string;
  readonly name?: string;
  readonly query?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
  readonly expect?: number[];
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly silenceMs?: number;
  readonly tries?: number;
}

/** minio-js with what it lacks: time limits, signals, tries again, and one kind of error. */
export class StoreClient {
  readonly region: string;
  readonly silenceMs: number;
  /** Requests made through it belong into `call`. */
  readonly s3: Client;
  readonly #bucket: string;
  readonly #transport: Transport;
  /** Over TLS the body's hash stays out of the signature. */
  readonly #signsBody: boolean;

  constructor({ endpoint, bucket, region, accessKey, secretKey, sessionToken, silenceMs }: ResolvedS3Options) {
    this.#bucket = bucket;
    this.region = region;
    this.silenceMs = silenceMs;
    this.#signsBody = endpoint.protocol === "http:";
    this.#transport = new Transport(endpoint.protocol);
    this.s3 = new Client({
      endPoint: endpoint.hostname,
      ...(endpoint.port === "" ? {} : { port: Number(endpoint.port) }),
      useSSL: !this.#signsBody,
      region,
      accessKey,
      secretKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      transport: this.#transport,
      transportAgent: this.#transport.agent,
      // It would send streams again that are used up, and say so on the console.
      retryOptions: { disableRetry: true },
    });
  }

  close(): void {
    this.#transport.close();
  }

  /** Runs `call`, which makes requests, as often as it is worth it.
   * @param doing what it is for, as in "reading x" */
  async call<T>(
    doing: string,
    call: () => Promise<T>,
    { signal, silenceMs = this.silenceMs, tries = MAX_TRIES }: CallOptions = {},
  ): Promise<T> {
    for (let failures = 1; ; failures++) {
      signal?.throwIfAborted();
      try {
        return await this.#transport.within({ signal, silenceMs }, call);
      } catch (reason) {
        signal?.throwIfAborted();
        if (failures >= tries || !isTransient(reason)) throw fromStore(reason, doing, this.#bucket);
        const pauseMs = FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
        await wait(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
      }
    }
  }

  /** The answer, its body unread. */
  open({ method, name, query, headers = {}, body = EMPTY, expect = [200] }: StoreRequest): Promise<IncomingMessage> {
    const sha256 = this.#signsBody ? createHash("sha256").update(body).digest("hex") : "";
    return this.s3.makeRequestStreamAsync(
      {
        method,
        bucketName: this.#bucket,
        ...(name === undefined ? {} : { objectName: name }),
        ...(query === undefined ? {} : { query }),
        headers: { ...headers, ...(method === "GET" || method === "HEAD" ? {} : { "content-length": body.length }) },
      },
      body,
      sha256,
      expect,
      this.region,
    );
  }

  /** The answer, its body read and left out. */
  async send(request: StoreRequest): Promise<IncomingMessage> {
    const response = await this.open(request);
    await bytesOf(response);
    return response;
  }
}
