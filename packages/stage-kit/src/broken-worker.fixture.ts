import { createHash, randomUUID } from "node:crypto";
import { appendFile, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { StageRegistryServiceDefinition } from "@heimdex/contracts/stage/v1/stage_registry_service";
import {
  type Artifact,
  Failed_Kind,
  Finish,
  type Lease,
  type OpenSessionResponse,
  RenewalAnswer_Verdict,
  WorkServiceDefinition,
} from "@heimdex/contracts/stage/v1/work_service";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import { createChannel, createClientFactory, Metadata } from "nice-grpc";

/** What a worker can do wrong. Each is one thing that exactly one check is about. */
export type Fault =
  | "wrong-protocol"
  | "never-registers-again"
  | "impatient"
  | "busy"
  | "greedy"
  | "renews-late"
  | "own-pace"
  | "renews-one-by-one"
  | "blocks"
  | "backwards"
  | "deaf"
  | "insists"
  | "new-request-id"
  | "says-it-once"
  | "no-pause"
  | "drops-work"
  | "ends-with-session"
  | "fails-cancelled"
  | "never-drains"
  | "wrong-digest"
  | "off-schema"
  | "all-inline"
  | "other-bytes"
  | "says-it-twice"
  | "random"
  | "path-only"
  | "ascii-only"
  | "fixed-settings"
  | "needs-content"
  | "blames-machine"
  | "ends-with-failure"
  | "writes"
  | "runs-off"
  | "other-manifest";

const fault = (process.argv[2] ?? "") as Fault | "";
const is = (...faults: Fault[]) => faults.some((each) => each === fault);

const KIND = "org.example.broken";
const SLOTS = 2;
const FIRST_RENEWAL_MS = is("renews-late") ? 25_000 : 2_000;
const INLINE_BYTES = 256 * 1024;
const LARGE_BYTES = 300_000;
const LONG_WORK_MS = is("blocks") ? 15_000 : 5_000;

const layerSchema = {
  type: "object",
  required: ["kind", "version", "items"],
  properties: {
    kind: { const: KIND },
    version: { const: 1 },
    items: { type: "array", items: { type: "object", required: ["id", "start_ms", "end_ms", "bytes"] } },
  },
};
const port = { mediaType: "application/json", schema: KIND, major: 1 };
const manifest = {
  name: KIND,
  version: "1.0.0",
  behaviour: 1,
  description: is("other-manifest") ? `Broken, started at ${Date.now()}` : "Says how many bytes a film has",
  inputs: [{ ...port, name: "source", mediaType: "application/octet-stream", schema: "heimdex.source" }],
  outputs: [{ ...port, name: "bytes", layerSchema: JSON.stringify(layerSchema) }],
  configSchema: JSON.stringify({ type: "object", properties: { limit: { type: "integer", minimum: 1, default: 10 } } }),
  deterministic: true,
};

interface Work {
  readonly lease: Lease;
  readonly stop: AbortController;
  done: number;
  verdict: "CANCEL" | "LOST" | undefined;
  leaving: boolean;
}

const address = process.env.HEIMDEX_ORCHESTRATOR ?? "";
let clients = connect();
let session: OpenSessionResponse;
let mountProof = "";
let registered = false;
let leaving = false;
const held = new Map<string, Work>();
let polling = new AbortController();

function connect() {
  const channel = createChannel(address, undefined, {
    "grpc.enable_http_proxy": 0,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    "grpc.use_local_subchannel_pool": 1,
  });
  const factory = createClientFactory().use(errorClientMiddleware);
  return {
    channel,
    work: factory.create(WorkServiceDefinition, channel),
    registry: factory.create(StageRegistryServiceDefinition, channel),
  };
}

const options = (of = session, signal?: AbortSignal) => ({
  metadata: Metadata({ authorization: `Bearer ${of.token}` }),
  ...(signal === undefined ? {} : { signal }),
});
const ms = (duration: { seconds: number; nanos: number } | undefined) =>
  (duration?.seconds ?? 0) * 1000 + (duration?.nanos ?? 0) / 1e6;
const isAway = (reason: unknown) => ["UNAVAILABLE", "INTERNAL", "CANCELLED"].includes(HeimdexError.from(reason).code);

/** Repeats a call until it is answered. */
async function persist<R>(call: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await call();
    } catch (reason) {
      if (!isAway(reason)) throw reason;
      if (is("no-pause")) {
        clients.channel.close();
        clients = connect();
      } else await delay(200);
    }
  }
}

async function openSession(): Promise<void> {
  const protocolVersions = is("wrong-protocol") ? [99] : [1];
  const hello = { protocolVersions, worker: "broken", software: "1", device: "cpu" };
  session = await persist(() => clients.work.openSession(hello));
  mountProof = await readFile(session.mountProbe, "utf8");
  if (is("never-registers-again") && registered) return;
  const request = { session: session.session, manifest };
  await persist(() => clients.registry.registerStage(request, options()));
  registered = true;
  void renew(session);
}

/** Asks for work in a session until it ends. */
async function serve(): Promise<void> {
  const own = session;
  const most = is("greedy") ? 3 * SLOTS : SLOTS;
  let requestId: string = randomUUID();
  while (!leaving) {
    const count = most - held.size;
    if (count <= 0) {
      await delay(20);
      continue;
    }
    const abort = new AbortController();
    polling = abort;
    const timer = is("busy") ? setTimeout(() => abort.abort(), 10) : undefined;
    const wait = is("impatient") ? { seconds: 0, nanos: 0 } : own.maxWait;
    const request = { session: own.session, requestId, slots: [{ stage: KIND, count }], wait, mountProof };
    try {
      const answer = await clients.work.acquireLeases(request, options(own, abort.signal));
      requestId = randomUUID();
      for (const lease of answer.leases) void work(lease, own);
      if (is("impatient")) await delay(1_000);
      if (answer.drain && !is("never-drains")) return await drain(own);
    } catch (reason) {
      const { id } = HeimdexError.from(reason);
      if (id === "SESSION_UNKNOWN") {
        if (is("ends-with-session") && held.size > 0) process.exit(1);
        for (const each of held.values()) drop(each, "LOST");
        return;
      }
      if (abort.signal.aborted) continue;
      if (!isAway(reason)) throw reason;
      if (is("drops-work") && held.size > 0) {
        for (const each of held.values()) drop(each, "LOST");
        return;
      }
      if (is("new-request-id")) requestId = randomUUID();
      if (is("no-pause")) {
        clients.channel.close();
        clients = connect();
      } else await delay(200);
    } finally {
      clearTimeout(timer);
    }
  }
  await drain(own);
}

async function drain(own: OpenSessionResponse): Promise<void> {
  while (held.size > 0) await delay(20);
  await clients.work.closeSession({ session: own.session }, options(own));
}

function drop(each: Work, verdict: "CANCEL" | "LOST"): void {
  each.verdict = verdict;
  each.stop.abort();
}

async function renew(own: OpenSessionResponse): Promise<void> {
  const everyMs = is("own-pace") ? 25_000 : ms(own.renewEvery);
  const received = new Map<string, number>();
  const due = new Map<string, number>();
  while (own === session) {
    await delay(50);
    const now = performance.now();
    for (const id of held.keys()) {
      if (!received.has(id)) due.set(id, now + FIRST_RENEWAL_MS);
      received.set(id, now);
    }
    if (![...held.keys()].some((id) => (due.get(id) ?? 0) <= now)) continue;
    const all = [...held.values()];
    for (const { lease } of all) due.set(lease.lease, now + everyMs);
    const renewals = all.map((each) => {
      const { lease, epoch } = each.lease;
      each.done += is("backwards") ? -1 : 1;
      return { lease, epoch, progress: { done: 100 + each.done, total: 0, unit: "times", message: "" } };
    });
    const calls = is("renews-one-by-one") ? renewals.map((renewal) => [renewal]) : [renewals];
    try {
      for (const each of calls) {
        const answer = await clients.work.renewLeases({ session: own.session, renewals: each }, options(own));
        for (const { lease, verdict } of answer.answers) {
          const found = held.get(lease);
          if (found === undefined) continue;
          if (verdict === RenewalAnswer_Verdict.CANCEL) drop(found, "CANCEL");
          if (verdict === RenewalAnswer_Verdict.LOST && !is("renews-one-by-one")) {
            if (is("deaf")) found.stop.abort();
            else drop(found, "LOST");
          }
        }
      }
    } catch (reason) {
      if (!isAway(reason)) return; // the poll finds out, too
    }
  }
}

class Failure extends Error {
  readonly kind: "INPUT_REJECTED" | "RETRYABLE";
  constructor(kind: "INPUT_REJECTED" | "RETRYABLE", message: string) {
    super(message);
    this.kind = kind;
  }
}

let running = 0;

async function work(lease: Lease, own: OpenSessionResponse): Promise<void> {
  if (held.has(lease.lease)) return;
  const each: Work = { lease, stop: new AbortController(), done: 0, verdict: undefined, leaving: false };
  held.set(lease.lease, each);
  while (running >= SLOTS && !each.stop.signal.aborted) await delay(20);
  running++;
  const finish = Finish.fromPartial({ lease: lease.lease, epoch: lease.epoch });
  try {
    const outputs = [await run(each, own)];
    finish.outcome = { $case: "completed", value: { outputs, partialReason: "" } };
  } catch (reason) {
    const kind = Failed_Kind[reason instanceof Failure ? reason.kind : "RETRYABLE"];
    const message = String(reason);
    const value = { kind, reason: "NOT_DONE", message, help: "Take another film.", retryAfter: undefined, logTail: "" };
    finish.outcome = { $case: "failed", value };
    if ((each.verdict === "CANCEL" || each.leaving) && !is("fails-cancelled"))
      finish.outcome = { $case: "released", value: { reason: "stopped" } };
  } finally {
    running--;
  }
  // A deaf worker goes on about its lease as if nothing had been said.
  while (is("deaf") && each.stop.signal.aborted && own === session && each.done < 40) await delay(50);
  if (each.verdict !== "LOST" && !(is("deaf") && each.stop.signal.aborted)) await tell(finish, own);
  held.delete(lease.lease);
  if (is("ends-with-failure") && finish.outcome?.$case === "failed") process.exit(1);
}

async function tell(finish: Finish, own: OpenSessionResponse): Promise<void> {
  const request = { session: own.session, finishes: [finish] };
  const send = () => clients.work.finishLeases(request, options(own));
  try {
    const answer = is("says-it-once") ? await send() : await persist(send);
    const superseded = answer.answers[0]?.result === "SUPERSEDED";
    if (is("says-it-twice") && !superseded) await send();
    for (let times = 0; is("insists") && superseded && times < 3; times++) await send();
  } catch (reason) {
    if (HeimdexError.from(reason).id !== "SESSION_UNKNOWN" && !is("says-it-once")) throw reason;
  }
}

async function run({ lease, stop }: Work, own: OpenSessionResponse): Promise<Artifact> {
  const [input] = lease.inputs;
  if (input === undefined) throw new Failure("RETRYABLE", "no input");
  if (is("path-only") && input.path === "") throw new Failure("RETRYABLE", "no path");
  if (is("writes") && input.path !== "") await appendFile(input.path, "x");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is not ASCII
  if (is("ascii-only") && !/^[\x00-\x7f]*$/.test(lease.sourceName)) throw new Failure("RETRYABLE", "a strange name");
  const config = JSON.parse(lease.config) as { limit: number };
  if (is("fixed-settings") && config.limit !== 10) throw new Failure("RETRYABLE", "a limit other than 10");
  const url = input.content?.$case === "url" ? input.content.value : "";
  const download = () => fetch(url, { signal: stop.signal }).then((answer) => answer.arrayBuffer());
  const bytes = input.path === "" ? Buffer.from(await download()) : await readFile(input.path);
  if (bytes.toString("latin1", 4, 8) !== "ftyp")
    throw new Failure(is("blames-machine") ? "RETRYABLE" : "INPUT_REJECTED", "this is no film");
  const isLong = bytes.length > 1_000_000;
  if (isLong && is("blocks")) for (const end = performance.now() + LONG_WORK_MS; performance.now() < end; );
  else if (isLong) await delay(LONG_WORK_MS, undefined, { signal: stop.signal });
  const isBlank = lease.sourceName.startsWith("blank");
  if (isBlank && is("needs-content")) throw new Failure("RETRYABLE", "nothing in it");
  const item = { id: "one", start_ms: 0, end_ms: 1_000, ...(is("off-schema") ? {} : { bytes: bytes.length }) };
  const note = is("random") ? randomUUID() : "x".repeat(isLong ? LARGE_BYTES : 1);
  const layer = Buffer.from(JSON.stringify({ kind: KIND, version: 1, items: isBlank ? [] : [{ ...item, note }] }));
  return bring(layer, lease, own);
}

async function bring(value: Buffer, { lease, epoch }: Lease, own: OpenSessionResponse): Promise<Artifact> {
  const sha256 = createHash("sha256")
    .update(is("wrong-digest") ? "other" : value)
    .digest("hex");
  const artifact = { port: "bytes", mediaType: "application/json", sha256, size: value.length, path: "", name: "" };
  if (value.length <= INLINE_BYTES || is("all-inline")) return { ...artifact, content: { $case: "inline", value } };
  const request = { session: own.session, lease, epoch, sizes: [value.length], first: 0 };
  const { uploads } = await clients.work.createUploads(request, options(own));
  const body = is("other-bytes") ? Buffer.alloc(value.length) : value;
  await fetch(uploads[0]?.url ?? "", { method: "PUT", body });
  return { ...artifact, content: { $case: "upload", value: 0 } };
}

process.once("SIGTERM", () => {
  if (is("runs-off")) process.exit(0);
  leaving = true;
  polling.abort();
  for (const each of held.values()) {
    each.leaving = true;
    each.stop.abort();
  }
});

while (!leaving) {
  await openSession();
  await serve();
}
process.exit(0);
