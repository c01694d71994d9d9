import { readFile } from "node:fs/promises";
import { EVERY_TENANT, type Gate, type TokenBuckets } from "@heimdex/access";
import { STAGE_PROTOCOL_VERSION } from "@heimdex/contracts";
import {
  AcquireLeasesRequest_Lane,
  type CreateUploadsRequest,
  type Finish,
  type Lease,
  type Slots,
  type WorkServiceImplementation,
} from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import type { SessionRecord } from "@heimdex/kernel";
import type { Reach } from "@heimdex/ports";
import type { OrchestratorConfig } from "./config.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { duration, milliseconds } from "./duration.ts";
import { type FinishParts, finishLease } from "./finish-lease.ts";
import { heldStep, releaseLease } from "./held-step.ts";
import type { InteractiveLane } from "./interactive-lane.ts";
import { type MessageParts, reachOf } from "./lease-message.ts";
import { inlineBytes, MAX_INLINE_A_CALL } from "./outputs.ts";
import { renewLeases } from "./renewals.ts";
import { requirement } from "./requirement.ts";
import type { Holder, Sessions } from "./sessions.ts";
import { signGrant } from "./signed-url.ts";
import type { StageRegistry } from "./stage-registry.ts";
import type { StaleUploads } from "./stale-uploads.ts";

/** Versions of the protocol that this server speaks. An older one stays for as long as docs/reference/stage-contract.md promises. */
const PROTOCOL_VERSIONS: readonly number[] = [STAGE_PROTOCOL_VERSION];
/** Most leases of one stage, most finishes, most renewals a call may name. */
const MAX_SLOTS = 256;
const MAX_FINISHES = 256;
const MAX_RENEWALS = 1024;
const MAX_UPLOADS = 1024;
const MAX_STAGES = 256;

export interface WorkParts extends FinishParts {
  readonly sessions: Sessions;
  readonly gate: Gate;
  /** Holds back keys that open sessions in a loop: one bucket for each, on all ports. */
  readonly openings: TokenBuckets;
  readonly registry: StageRegistry;
  readonly interactive: InteractiveLane;
  readonly dispatcher: Dispatcher;
  readonly config: OrchestratorConfig;
  readonly staleUploads: StaleUploads;
  /** The file whose content proves a shared mount. */
  readonly mountProbe: string;
  readonly dataUrl: MessageParts["dataUrl"];
  /** Aborts when the orchestrator stops: parked polls are answered empty. */
  readonly stopping: AbortSignal;
}

interface Wait {
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** WorkService: the rules are the comments of work_service.proto. */
export function workService(parts: WorkParts): WorkServiceImplementation {
  const { store, sessions, dispatcher, interactive, leases, config, stopping } = parts;
  const answers = new Map<string, Promise<Lease[]>>();
  const offers = new Offers(parts.registry);
  /** A request that was made before, of this replica or another, brings what it brought then. */
  const acquire = async (session: SessionRecord, slots: ReadonlyMap<string, number>, id: string, wait: Wait) => {
    const before = id === "" || config.soleHost ? [] : await dispatcher.granted(session, id);
    if (before.length > 0) return before;
    return dispatcher.acquire(session, await offers.of(session), slots, id, wait.waitMs, wait.signal);
  };

  /** The server wants the session to be the worker's last, or its token will not do for long. */
  const drains = ({ openedAtMs, expiresAtMs }: SessionRecord): boolean =>
    stopping.aborted || (expiresAtMs > 0 && Date.now() > expiresAtMs - (expiresAtMs - openedAtMs) / 4);

  return {
    openSession: sessionOpener(parts, "inside"),

    async acquireLeases(request, context) {
      const known = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      bound("request_id", request.requestId.length, 0, 64, "characters");
      bound("slots", request.slots.length, 0, MAX_STAGES, "stages a call");
      sessions.seen(known.id, Date.now());
      const slots = readSlots(request.slots);
      const offering = await sessions.offering(known, slots.keys());
      const session = await proveMount(parts, offering, request.mountProof);
      const signal = AbortSignal.any([context.signal, stopping, sessions.endOf(session.id)]);
      const waitMs = Math.max(0, Math.min(milliseconds(request.wait), config.maxWaitMs));
      if (request.lane === AcquireLeasesRequest_Lane.INTERACTIVE) {
        const own = new Map([...slots].filter(([stage]) => offersInteractive(session, stage)));
        return { leases: await interactive.poll(own, session.tenant, waitMs, signal), drain: drains(session) };
      }
      const replayKey = `${session.id} ${request.requestId}`;
      const repeated = answers.get(replayKey);
      if (request.requestId !== "" && repeated !== undefined) return { leases: await repeated, drain: drains(session) };
      const answer = acquire(session, slots, request.requestId, { waitMs, signal });
      if (request.requestId !== "") {
        answers.set(replayKey, answer);
        const forget = () => answers.delete(replayKey);
        answer.then((given) => (given.length === 0 ? forget() : setTimeout(forget, config.replayMs).unref()), forget);
      }
      return { leases: await answer, drain: drains(session) };
    },

    async renewLeases(request, context) {
      const session = await sessions.holder(request.session, context.metadata.get("authorization"));
      bound("renewals", request.renewals.length, 0, MAX_RENEWALS, "leases a call");
      sessions.seen(session.id, Date.now());
      return { answers: await renewLeases(parts, session, request.renewals), drain: drains(session) };
    },

    async finishLeases(request, context) {
      const session = await sessions.holder(request.session, context.metadata.get("authorization"));
      bound("finishes", request.finishes.length, 0, MAX_FINISHES, "leases a call");
      boundInline(request.finishes);
      sessions.seen(session.id, Date.now());
      const ended = await Promise.allSettled(request.finishes.map((finish) => finishLease(parts, session, finish)));
      return {
        answers: ended.map((one) => {
          if (one.status === "rejected") throw one.reason;
          return one.value;
        }),
      };
    },

    async createUploads(request, context) {
      const session = await sessions.holder(request.session, context.metadata.get("authorization"));
      return { uploads: await createUploads(parts, session, request) };
    },

    async closeSession(request, context) {
      const session = await sessions
        .holder(request.session, context.metadata.get("authorization"))
        .catch((reason: unknown) => {
          if (HeimdexError.from(reason).id !== "SESSION_UNKNOWN") throw reason;
        });
      if (session === undefined) return {}; // closed before
      await sessions.close(session.id);
      for (const held of leases.ofSession(session.id)) await releaseLease(store, leases, held);
      return {};
    },
  };
}

/** WorkService.OpenSession of a port for workers inside, or outside. A worker outside is told of no mount: what it could read on its own machine would prove nothing. */
export function sessionOpener(parts: WorkParts, reach: Reach): WorkServiceImplementation["openSession"] {
  const { sessions, config } = parts;
  return async (request, context) => {
    const caller = await callerOf(parts, context.metadata.get("authorization"));
    const protocolVersion = negotiate(request.protocolVersions);
    bound("worker", request.worker.length, 1, 128, "characters");
    bound("software", request.software.length, 0, 128, "characters");
    bound("device", request.device.length, 0, 128, "characters");
    const holder = { ...caller, outside: reach === "outside" };
    const { session, token } = await sessions.open(holder, request.worker, request.device || "cpu", Date.now());
    return {
      session: session.id,
      token,
      protocolVersion,
      renewEvery: duration(config.renewEveryMs),
      leaseTtl: duration(config.leaseTtlMs),
      acceptWithin: duration(config.acceptWithinMs),
      maxWait: duration(config.maxWaitMs),
      mountProbe: session.outside ? "" : parts.mountProbe,
    };
  };
}

/** Who opens a session: whoever shows a stage key, where keys are asked for. Throws UNAUTHENTICATED, PERMISSION_DENIED. */
async function callerOf(
  { gate, openings, config }: WorkParts,
  authorization: string | undefined,
): Promise<Omit<Holder, "outside">> {
  if (!gate.isShut) return { key: "", tenant: EVERY_TENANT, mayServe: [], expiresAtMs: 0 };
  const { key, role, tenant, stages } = await gate.caller(authorization);
  if (role !== "stage")
    throw new HeimdexError("PERMISSION_DENIED", `sessions are opened with a key of the role stage, not ${role}`, {
      help: "Make one: `heimdex keys create NAME --role stage`.",
    });
  const retryAfterMs = openings.take(key);
  if (retryAfterMs > 0)
    throw new HeimdexError("RATE_LIMITED", "the key opens sessions more often than it may", { retryAfterMs });
  return { key, tenant, mayServe: stages, expiresAtMs: Date.now() + config.tokenLifeMs };
}

/** The first version of the worker's, which come best first, that this server speaks too. Throws PROTOCOL_UNSUPPORTED naming those it speaks. */
function negotiate(offered: readonly number[]): number {
  const version = offered.find((each) => PROTOCOL_VERSIONS.includes(each));
  if (version !== undefined) return version;
  const [spoken, asked] = [PROTOCOL_VERSIONS.join(", "), offered.slice(0, 16).join(", ") || "no version"];
  throw new HeimdexError("PROTOCOL_UNSUPPORTED", `the worker speaks ${asked}, this server ${spoken}`, {
    fields: [{ field: "protocol_versions", description: `must name one of ${spoken}` }],
    metadata: { server_versions: spoken },
  });
}

/** Throws INVALID_ARGUMENT naming the field when `value` is not from `least` to `most`. */
function bound(field: string, value: number, least: number, most: number, what: string): void {
  if (value >= least && value <= most) return;
  const description = `${least} to ${most} ${what}`;
  throw new HeimdexError("INVALID_ARGUMENT", `${field}: ${description}, not ${value}`, {
    fields: [{ field, description }],
  });
}

/** Throws INVALID_ARGUMENT when entries that are fine by themselves carry too much together: they may come apart. One that is too large alone is refused
 * by itself, as an attempt that failed. */
function boundInline(finishes: readonly Finish[]): void {
  const sizes = finishes.map(({ outcome }) =>
    outcome?.$case === "completed" ? inlineBytes(outcome.value.outputs) : 0,
  );
  const total = sizes.filter((size) => size <= MAX_INLINE_A_CALL).reduce((sum, size) => sum + size, 0);
  if (total <= MAX_INLINE_A_CALL) return;
  const description = `${total} bytes of inline outputs, at most ${MAX_INLINE_A_CALL} a call`;
  throw new HeimdexError("INVALID_ARGUMENT", `finishes: ${description}`, {
    fields: [{ field: "finishes", description }],
    help: "Send fewer entries a call, or upload their outputs (CreateUploads). Nothing of this call was taken.",
  });
}

function readSlots(slots: readonly Slots[]): Map<string, number> {
  return new Map(
    slots.filter((slot) => slot.count > 0).map((slot) => [slot.stage, Math.min(slot.count, MAX_SLOTS)] as const),
  );
}

async function proveMount(
  { sessions, mountProbe }: WorkParts,
  session: SessionRecord,
  proof: string,
): Promise<SessionRecord> {
  if (session.mountProven || session.outside || proof === "" || proof !== (await readFile(mountProbe, "utf8")))
    return session;
  return sessions.change(session.id, (latest) => ({ ...latest, mountProven: true }));
}

/** What a session offers, by stage: of the manifests it registered, run with its models. Looked up once for a session as it is: the manifest of a
 * version never changes. */
class Offers {
  readonly #registry: StageRegistry;
  readonly #known = new WeakMap<SessionRecord, ReadonlyMap<string, string>>();

  constructor(registry: StageRegistry) {
    this.#registry = registry;
  }

  async of(session: SessionRecord): Promise<ReadonlyMap<string, string>> {
    const known = this.#known.get(session);
    if (known !== undefined) return known;
    const offers = new Map<string, string>();
    for (const offer of session.stages) {
      const stage = offer.unavailable === "" ? await this.#registry.get(offer.stage) : undefined;
      const digest = stage?.digests[offer.version];
      if (digest !== undefined) offers.set(offer.stage, requirement(digest, offer.models));
    }
    this.#known.set(session, offers);
    return offers;
  }
}

function offersInteractive(session: SessionRecord, stage: string): boolean {
  return session.stages.some((offer) => offer.stage === stage && offer.interactive && offer.unavailable === "");
}

async function createUploads(parts: WorkParts, session: SessionRecord, request: CreateUploadsRequest) {
  const { store, leases, blobs, config } = parts;
  const { lease, epoch, sizes, first } = request;
  const held = await heldStep(store, session.id, request);
  if (held === undefined)
    throw new HeimdexError("LEASE_SUPERSEDED", `lease ${lease.slice(0, 128)} is no longer this session's`, {
      metadata: { lease: lease.slice(0, 128) },
    });
  bound("sizes", sizes.length, 0, MAX_UPLOADS, "uploads a call");
  const tooLarge = sizes.find((size) => size > config.maxOutputBytes);
  if (tooLarge !== undefined)
    throw new HeimdexError("BLOB_TOO_LARGE", `an output of ${tooLarge} bytes, at most ${config.maxOutputBytes}`, {
      metadata: { stage: held.step.stage },
    });
  if (leases.get(lease) === undefined) parts.dispatcher.watch(held.job, held.step, true);
  const watched = leases.get(lease);
  if (watched !== undefined) watched.uploads = true;
  const { tenant, id: job } = held.job;
  parts.staleUploads.expect(tenant);
  const common = { tenant, job, stage: held.step.stage, lease, epoch, kind: "upload", sha256: "" } as const;
  const granted = held.step.lease?.grantedAtMs ?? 0;
  const leftMs = granted + held.step.attemptMs - Date.now();
  const reach = reachOf(session);
  return Promise.all(
    sizes.map(async (size, index) => {
      const n = first + index;
      const presigned = await blobs.presignPut({ tenant, attempt: lease, n }, size, leftMs, reach);
      return {
        number: n,
        url: presigned ?? `${parts.dataUrl(reach)}${signGrant({ ...common, size, n }, config.signingKey)}`,
      };
    }),
  );
}
