import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { checkListen, type Gate, httpsOptions, seesWhole, type TlsConfig } from "@heimdex/access";
import { ERRORS, type GRPC_CODE, HeimdexError } from "@heimdex/errors";
import type { Job } from "@heimdex/kernel";
import type { Blobs, ByteRange } from "@heimdex/ports";
import type { Sources } from "@heimdex/sources";
import type { Log, Metrics } from "@heimdex/telemetry";
import type { JobStore } from "./job-store.ts";
import { type DataGrant, openGrant } from "./signed-url.ts";
import { sourceFacts } from "./source-facts.ts";

/** Longest body whose length is stated before it. */
const MAX_STATED_BYTES = 32 * 1024 ** 2;

export interface DataServer extends AsyncDisposable {
  /** `http://127.0.0.1:8483`. */
  readonly url: string;
}

interface DataParts {
  /** Where keys are asked for it may listen beyond this machine: every URL is a key to what it names. */
  readonly gate: Gate;
  readonly metrics: Metrics | undefined;
  readonly tls: TlsConfig;
  readonly store: JobStore;
  readonly blobs: Blobs;
  readonly sources: Sources;
  /** The first signs; what any of them signed is good. */
  readonly signingKeys: readonly [Uint8Array, ...Uint8Array[]];
  /** How long requests under way may take to end when the server closes. */
  readonly drainMs: number;
  readonly log: Log;
}

/** Serves what leases reach, over HTTP: GET and HEAD with byte ranges for inputs, PUT for outputs. A URL is good while its lease is held. And this process's figures at
 * `/metrics`, to whoever may see the whole. Throws NOT_LOOPBACK, PORT_IN_USE. */
export async function startDataServer(address: { host: string; port: number }, parts: DataParts): Promise<DataServer> {
  const host = await checkListen("data", address.host, parts.gate.isShut);
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response, parts).catch((reason: unknown) => {
      if (isGone(request, reason)) return;
      const error = HeimdexError.from(reason);
      if (error.id === "INTERNAL") parts.log.error({ err: reason, method: request.method }, "data request failed");
      if (response.headersSent) response.destroy();
      else send(response, httpStatus(error), error);
    });
  };
  // No certificate is asked of clients: a URL is good for one thing while one lease is held, and programs that stages run, such as ffmpeg, have none.
  const tls = httpsOptions({ ...parts.tls, clientCa: undefined });
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.requestTimeout = 0; // an output of gigabytes takes as long as it takes; its lease ends it
  await new Promise<void>((resolve, reject) => {
    server.once("error", (reason: NodeJS.ErrnoException) => {
      reject(
        reason.code === "EADDRINUSE"
          ? new HeimdexError("PORT_IN_USE", `port ${address.port} of the data server is in use`, { cause: reason })
          : reason,
      );
    });
    server.listen(address.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://${address.host.includes(":") ? `[${address.host}]` : address.host}:${port}`,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      // What is under way is given its time; what is to come goes to another replica, or waits for the next run.
      const force = setTimeout(() => server.closeAllConnections(), parts.drainMs);
      await new Promise<void>((resolve) => server.close(() => resolve()));
      clearTimeout(force);
    },
  };
}

/** The worker went away: before it had sent all, or, as ffmpeg does when it seeks, before it had read all. */
function isGone(request: IncomingMessage, reason: unknown): boolean {
  return (
    (request.destroyed && !request.complete) || (reason as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE"
  );
}

async function answer(request: IncomingMessage, response: ServerResponse, parts: DataParts): Promise<void> {
  if (request.url === "/metrics" && parts.metrics !== undefined)
    return sendFigures(request, response, parts.gate, parts.metrics, parts.log);
  const grant = openGrant(request.url ?? "", parts.signingKeys);
  if (grant === undefined) throw new HeimdexError("PERMISSION_DENIED", "the URL's signature is not ours");
  if (!isHeld(await parts.store.get(grant.job), grant)) await assertHeld(parts.store, grant);
  if (grant.kind === "upload") return receive(request, response, grant, parts);
  if (request.method !== "GET" && request.method !== "HEAD")
    throw new HeimdexError("INVALID_ARGUMENT", `${request.method} on an input: GET is meant`);
  await serve(request, response, grant, parts);
}

async function sendFigures(
  request: IncomingMessage,
  response: ServerResponse,
  gate: Gate,
  metrics: Metrics,
  log: Log,
): Promise<void> {
  if (!seesWhole(await gate.caller(request.headers.authorization)))
    throw new HeimdexError("PERMISSION_DENIED", "figures are of all tenants, and for those who run the platform");
  const text = await metrics.text((reason) => log.warn({ err: reason }, "a figure could not be read"));
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text);
}

function isHeld(job: Job | undefined, { stage, lease, epoch }: DataGrant): boolean {
  const step = job?.steps.find((candidate) => candidate.stage === stage);
  return step?.state === "LEASED" && step.lease?.id === lease && step.lease.epoch === epoch;
}

async function assertHeld(store: JobStore, grant: DataGrant): Promise<void> {
  const { job, stage, lease } = grant;
  if (isHeld(await store.current(job), grant)) return;
  throw new HeimdexError("LEASE_SUPERSEDED", `lease ${lease} is over, and its URLs with it`, {
    metadata: { lease, stage },
  });
}

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  grant: DataGrant,
  { store, blobs }: DataParts,
): Promise<void> {
  const { tenant, lease, n, size } = grant;
  if (request.method !== "PUT")
    throw new HeimdexError("INVALID_ARGUMENT", `${request.method} on an upload: PUT is meant`);
  const length = Number(request.headers["content-length"] ?? Number.NaN);
  if (length > size) throw new HeimdexError("BLOB_TOO_LARGE", `${length} bytes, but ${size} were asked for`);
  if (length !== size)
    throw new HeimdexError("INVALID_ARGUMENT", `Content-Length must be ${size}, as was asked for`, {
      fields: [{ field: "content-length", description: `must be ${size}` }],
    });
  const stored = await blobs.upload({ tenant, attempt: lease, n }, request, size);
  try {
    await assertHeld(store, grant);
  } catch (reason) {
    await blobs.dropUploads(tenant, lease); // the lease ended meanwhile, and its other uploads have gone already
    throw reason;
  }
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(stored));
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  grant: DataGrant,
  parts: DataParts,
): Promise<void> {
  const range = readRange(request.headers.range, grant.size);
  if (range === "bad") {
    response.writeHead(416, { "content-range": `bytes */${grant.size}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: grant.size };
  const isEmpty = request.method === "HEAD" || start === end;
  const bytes = isEmpty ? undefined : await open(request, grant, { start, end }, parts);
  response.writeHead(range === undefined ? 200 : 206, {
    "content-type": "application/octet-stream",
    // Cloud Run ends an answer that states a greater length; what comes in chunks it passes on.
    ...(bytes !== undefined && end - start > MAX_STATED_BYTES ? {} : { "content-length": end - start }),
    "accept-ranges": "bytes",
    ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${grant.size}` }),
  });
  if (bytes === undefined) response.end();
  else await pipeline(Readable.from(bytes), response);
}

/** The bytes, once it is known that they are there: before the first byte of an answer, since its status cannot be taken back. */
async function open(
  request: IncomingMessage,
  grant: DataGrant,
  range: ByteRange,
  { store, blobs, sources }: DataParts,
): Promise<AsyncIterable<Uint8Array>> {
  if (grant.kind === "blob") return blobs.get(grant, range);
  const job = await store.get(grant.job);
  if (job === undefined) throw new HeimdexError("JOB_NOT_FOUND", `there is no job ${grant.job}`);
  const gone = new AbortController();
  request.once("close", () => gone.abort());
  return sources.read(job.tenant, job.sourceUri, sourceFacts(job), range, gone.signal);
}

/** The range a header asks for; undefined: all of it. Only single ranges, as ffmpeg and fetch use. */
function readRange(header: string | undefined, size: number): { start: number; end: number } | "bad" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const last = Math.min(size, Number(match[2]));
    return last === 0 ? "bad" : { start: size - last, end: size };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size : Math.min(size, Number(match[2]) + 1);
  return start >= size || end <= start ? "bad" : { start, end };
}

function send(response: ServerResponse, status: number, error: HeimdexError): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error }));
}

function httpStatus(error: HeimdexError): number {
  if (error.id === "BLOB_TOO_LARGE") return 413;
  const byCode: Partial<Record<keyof typeof GRPC_CODE, number>> = {
    UNAUTHENTICATED: 401,
    NOT_FOUND: 404,
    PERMISSION_DENIED: 403,
    ABORTED: 409,
    INVALID_ARGUMENT: 400,
    RESOURCE_EXHAUSTED: 507,
    OUT_OF_RANGE: 416,
    FAILED_PRECONDITION: 409,
    UNAVAILABLE: 503,
  };
  return byCode[ERRORS[error.id].code] ?? 500;
}
