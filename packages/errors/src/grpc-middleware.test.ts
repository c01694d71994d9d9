import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Job, JobServiceDefinition, type WatchJobResponse } from "@heimdex/contracts/v1/job";
import {
  type CallContext,
  ClientError,
  createChannel,
  createClient,
  createClientFactory,
  createServer,
  type Metadata,
  ServerError,
  Status,
} from "nice-grpc";
import { errorClientMiddleware, errorServerMiddleware } from "./grpc-middleware.ts";
import { HeimdexError } from "./heimdex-error.ts";
import { STATUS_DETAILS_TRAILER } from "./wire.ts";

const { getJob, watchJob } = JobServiceDefinition.methods;
/** One unary call and one server stream of the real contract. */
const service = { name: "JobService", fullName: "heimdex.v1.JobService", methods: { getJob, watchJob } } as const;

interface Handlers {
  getJob?(context: CallContext): Promise<never>;
  watchJob?(context: CallContext): AsyncIterable<Partial<WatchJobResponse>>;
}

/** A server on a free port that answers with what the handlers throw, and a client of it. */
async function open(t: TestContext, handlers: Handlers) {
  const seen: { error: HeimdexError; path: string }[] = [];
  const server = createServer().use(errorServerMiddleware((error, path) => void seen.push({ error, path })));
  server.add(service, {
    getJob: (_request: unknown, context: CallContext) => handlers.getJob?.(context) ?? Promise.reject(new Error()),
    watchJob: (_request: unknown, context: CallContext) => handlers.watchJob?.(context) ?? emptyStream(),
  });
  const port = await server.listen("127.0.0.1:0");
  const channel = createChannel(`127.0.0.1:${port}`);
  t.after(async () => {
    channel.close();
    server.forceShutdown();
  });
  return { seen, channel, client: createClientFactory().use(errorClientMiddleware).create(service, channel) };
}

async function* emptyStream(): AsyncGenerator<Partial<WatchJobResponse>> {}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.fail("it did not reject"),
    (reason: unknown) => reason,
  );
}

test("an error of ours arrives as it was thrown, and the log saw it first", async (t) => {
  const thrown = new HeimdexError("INVALID_ARGUMENT", "the page token is of another list – ün", {
    help: "Begin again without one.",
    metadata: { list: "jobs" },
    fields: [{ field: "page_token", description: "a token of this list" }],
    retryAfterMs: 1500,
  });
  const { client, seen } = await open(t, { getJob: () => Promise.reject(thrown) });
  const arrived = await rejection(client.getJob({ job: "j_1" }));
  assert.ok(arrived instanceof HeimdexError);
  assert.deepEqual(arrived.toJSON(), thrown.toJSON());
  assert.deepEqual(seen, [{ error: thrown, path: "/heimdex.v1.JobService/GetJob" }]);
});

test("an error in the middle of a stream arrives behind what came before it", async (t) => {
  const { client } = await open(t, {
    async *watchJob() {
      yield { job: Job.fromPartial({ job: "j_1" }) };
      throw new HeimdexError("JOB_NOT_FOUND", "there is no job j_1");
    },
  });
  const got: (string | undefined)[] = [];
  const arrived = await rejection(
    (async () => {
      for await (const { job } of client.watchJob({ job: "j_1" })) got.push(job?.job);
    })(),
  );
  assert.deepEqual(got, ["j_1"]);
  assert.ok(arrived instanceof HeimdexError && arrived.id === "JOB_NOT_FOUND");
});

test("a foreign error arrives as INTERNAL; the log has its cause, the caller does not", async (t) => {
  const cause = new TypeError("cannot read properties of undefined");
  const { client, seen } = await open(t, { getJob: () => Promise.reject(cause) });
  const arrived = await rejection(client.getJob({ job: "j_1" }));
  assert.ok(arrived instanceof HeimdexError && arrived.id === "INTERNAL");
  assert.equal(seen[0]?.error.cause, cause);
  assert.equal(arrived.cause, undefined);
});

test("a client that gives up ends the handler, which ends as CANCELLED", async (t) => {
  const entered = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const { client, seen } = await open(t, {
    async getJob({ signal }) {
      entered.resolve();
      try {
        return await new Promise<never>((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
        );
      } finally {
        setImmediate(ended.resolve);
      }
    },
  });
  const abort = new AbortController();
  const call = rejection(client.getJob({ job: "j_1" }, { signal: abort.signal }));
  await entered.promise;
  abort.abort();
  assert.equal(HeimdexError.from(await call).id, "CANCELLED");
  await ended.promise;
  assert.equal(seen[0]?.error.id, "CANCELLED");
});

test("an aborted wait within a handler arrives as CANCELLED", async (t) => {
  const { client } = await open(t, { getJob: () => Promise.reject(AbortSignal.abort().reason) });
  const arrived = await rejection(client.getJob({ job: "j_1" }));
  assert.ok(arrived instanceof HeimdexError && arrived.id === "CANCELLED");
});

test("a client of another make gets the status, the message and the details", async (t) => {
  const { channel } = await open(t, { getJob: () => Promise.reject(new HeimdexError("ASSET_BUSY", "wait")) });
  const trailers: Metadata[] = [];
  const call = createClient(service, channel).getJob({ job: "j_1" }, { onTrailer: (sent) => void trailers.push(sent) });
  const arrived = await rejection(call);
  assert.ok(arrived instanceof ClientError);
  assert.deepEqual([arrived.code, arrived.details], [Status.FAILED_PRECONDITION, "wait"]);
  assert.ok((trailers[0]?.get(STATUS_DETAILS_TRAILER)?.length ?? 0) > 0);
});

test("a status that a handler chose itself is left alone, and is no error of ours to the client", async (t) => {
  const { client, seen } = await open(t, {
    getJob: () => Promise.reject(new ServerError(Status.ALREADY_EXISTS, "twice")),
  });
  const arrived = await rejection(client.getJob({ job: "j_1" }));
  assert.ok(arrived instanceof HeimdexError && arrived.id === "INTERNAL" && arrived.cause instanceof ClientError);
  assert.deepEqual(seen, []);
});

test("details that are none do not hide the status", async (t) => {
  const { client } = await open(t, {
    getJob({ trailer }) {
      trailer.set(STATUS_DETAILS_TRAILER, Buffer.from([0xff, 0xff, 0xff]));
      return Promise.reject(new ServerError(Status.UNAVAILABLE, "away"));
    },
  });
  const arrived = await rejection(client.getJob({ job: "j_1" }));
  assert.ok(arrived instanceof HeimdexError && arrived.id === "UNAVAILABLE", String(arrived));
});

const statuses = [
  [Status.CANCELLED, "CANCELLED"],
  [Status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"],
  [Status.UNAVAILABLE, "UNAVAILABLE"],
  [Status.INVALID_ARGUMENT, "INVALID_ARGUMENT"],
  [Status.UNAUTHENTICATED, "UNAUTHENTICATED"],
  [Status.PERMISSION_DENIED, "PERMISSION_DENIED"],
  [Status.RESOURCE_EXHAUSTED, "BLOB_TOO_LARGE"],
  [Status.UNIMPLEMENTED, "INTERNAL"],
] as const;
for (const [code, id] of statuses) {
  test(`a bare status ${Status[code]} is ${id}, and names the call`, async (t) => {
    const { client } = await open(t, { getJob: () => Promise.reject(new ServerError(code, "so it is")) });
    const arrived = await rejection(client.getJob({ job: "j_1" }));
    assert.ok(arrived instanceof HeimdexError && arrived.id === id, String(arrived));
    assert.match(arrived.message, /JobService\/GetJob: so it is/);
  });
}

test("nobody at the address is UNAVAILABLE", async (t) => {
  const gone = createServer();
  const port = await gone.listen("127.0.0.1:0");
  await gone.shutdown();
  const away = createChannel(`127.0.0.1:${port}`);
  t.after(() => away.close());
  const arrived = await rejection(
    createClientFactory().use(errorClientMiddleware).create(service, away).getJob({ job: "j_1" }),
  );
  assert.ok(arrived instanceof HeimdexError && arrived.id === "UNAVAILABLE");
});

test("the caller's own look at the trailer still works", async (t) => {
  const { client } = await open(t, { getJob: () => Promise.reject(new HeimdexError("ASSET_BUSY", "wait")) });
  const seen: Metadata[] = [];
  await rejection(client.getJob({ job: "j_1" }, { onTrailer: (trailer) => void seen.push(trailer) }));
  assert.equal(seen.length, 1);
});
