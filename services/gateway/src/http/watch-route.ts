import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FileRegistry } from "@bufbuild/protobuf";
import { Job, WatchJobRequest, type WatchJobResponse } from "@heimdex/contracts/v1/job";
import type { Call } from "../call.ts";
import type { BoundService } from "../services.ts";
import { Violations } from "../violations.ts";
import { errorJson, HttpError } from "./http-error.ts";
import { messageJson } from "./message-json.ts";

/** A comment goes out after this much silence, so that nobody in between takes the connection for dead, ms. */
const KEEPALIVE_MS = 15_000;

/** `GET /v1/jobs/{job}:watch[?after_version=N]`: WatchJob as server-sent events. Each is `event: job`, `id:` the job's version, `data:` the job as
 * JSON in one line. The stream ends after the job; a client that comes back with `Last-Event-ID` (as EventSource does by itself) then gets
 * 204, which tells EventSource to stop. An error on the way is `event: error` with the usual error JSON.
 * @throws HeimdexError INVALID_ARGUMENT, JOB_NOT_FOUND */
export async function serveWatch(
  contract: FileRegistry,
  jobs: BoundService,
  job: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
  call: Call,
): Promise<void> {
  const watched = watchRequest(query, request);
  const schema = contract.getMessage("heimdex.v1.Job");
  if (schema === undefined) throw new Error("the contract lacks heimdex.v1.Job");
  const watch = WatchJobRequest.fromPartial({ job, ...watched });
  // First, since after the stream's head there is no 404 any more.
  const { endTime } = (await jobs.unary("GetJob", { job }, call)) as Job;
  const changes = (jobs.stream("WatchJob", watch, call) as AsyncIterable<WatchJobResponse>)[Symbol.asyncIterator]();
  let keepalive: NodeJS.Timeout | undefined;
  try {
    let pending = changes.next();
    // A job under way may stay as it is for long, and the watcher wants its head now; an ended one answers at once.
    if (endTime !== undefined && (await pending).done === true) {
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    keepalive = setInterval(() => response.write(": still here\n\n"), KEEPALIVE_MS);
    for (;;) {
      const { done, value } = await pending;
      if (done === true) break;
      const data = JSON.stringify(messageJson(schema, Job.encode(value.job as Job).finish(), contract));
      const more = response.write(`event: job\nid: ${value.job?.version}\ndata: ${data}\n\n`);
      if (!more) await once(response, "drain", { signal: call.signal });
      pending = changes.next();
    }
    response.end();
  } catch (reason) {
    if (!response.headersSent || call.signal.aborted) throw reason;
    response.end(`event: error\ndata: ${JSON.stringify(errorJson(HttpError.from(reason)))}\n\n`);
  } finally {
    clearInterval(keepalive);
    await changes.return?.();
  }
}

const FIELDS = ["after_version", "afterVersion", "until_searchable", "untilSearchable"];

function watchRequest(query: URLSearchParams, request: IncomingMessage) {
  const violations = new Violations();
  for (const key of new Set(query.keys())) {
    violations.check(FIELDS.includes(key), key, "is no field of this request");
    violations.check(query.getAll(key).length === 1, key, "is given twice");
  }
  const header = request.headers["last-event-id"];
  const version =
    (Array.isArray(header) ? header[0] : header) ?? query.get("after_version") ?? query.get("afterVersion") ?? "0";
  violations.check(
    /^\d{1,10}$/.test(version) && Number(version) <= 0xffff_ffff,
    "after_version",
    "must be a version of the job",
  );
  const until = query.get("until_searchable") ?? query.get("untilSearchable") ?? "false";
  violations.check(until === "true" || until === "false", "until_searchable", "must be true or false");
  violations.throwIfAny();
  return { afterVersion: Number(version), untilSearchable: until === "true" };
}
