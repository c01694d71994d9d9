import { readFile } from "node:fs/promises";
import { STAGE_PROTOCOL_VERSION } from "@heimdex/contracts";
import {
  AcquireLeasesRequest_Lane,
  type Failed_Kind,
  type Finish,
  type FinishAnswer,
  type Lease,
  type Renewal,
  type RenewalAnswer,
  type WorkServiceImplementation,
} from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { type Failure, type Job, jobEnded, type SessionRecord, type SpanData, type Step } from "@heimdex/kernel";
import type { Blobs } from "@heimdex/ports";
import { newSpanId } from "@heimdex/telemetry";
import type { OrchestratorConfig } from "./config.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { InteractiveLane } from "./interactive-lane.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import type { LeaseTable } from "./lease-table.ts";
import { verifyOutputs } from "./outputs.ts";
import { requirement } from "./requirement.ts";
import type { Sessions } from "./sessions.ts";
import { signGrant } from "./signed-url.ts";
import { assertUnchanged, sourcePath } from "./source.ts";
import type { StageRegistry } from "./stage-registry.ts";

/** How long the answer to a poll can be asked for again. */
const REPLAY_MS = 60_000;

export interface WorkParts {
  readonly store: JobStore;
  readonly sessions: Sessions;
  readonly registry: StageRegistry;
  readonly dispatcher: Dispatcher;
  readonly interactive: InteractiveLane;
  readonly leases: LeaseTable;
  readonly blobs: Blobs;
  readonly trace: JobTrace;
  readonly config: OrchestratorConfig;
  /** The file whose content proves a shared mount. */
  readonly mountProbe: string;
  readonly dataUrl: () => string;
  /** Aborts when the orchestrator stops: parked polls are answered empty. */
  readonly stopping: AbortSignal;
}

const duration = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 });
const milliseconds = (value: { seconds: number; nanos: number } | undefined) =>
  value === undefined ? 0 : value.seconds * 1000 + value.nanos / 1e6;

/** WorkService: the rules are the comments of work_service.proto. */
export function workService(parts: WorkParts): WorkServiceImplementation {
  const { store, sessions, registry, dispatcher, interactive, leases, config, stopping } = parts;
  const answers = new Map<string, Promise<Lease[]>>();

  const offersOf = async (session: SessionRecord): Promise<Map<string, string>> => {
    const offers = new Map<string, string>();
    for (const offer of session.stages) {
      const stage = offer.unavailable === "" ? await registry.get(offer.stage) : undefined;
      const digest = stage?.digests[offer.version];
      if (digest !== undefined) offers.set(offer.stage, requirement(digest, offer.models));
    }
    return offers;
  };

  return {
    async openSession(request) {
      if (!request.protocolVersions.includes(STAGE_PROTOCOL_VERSION)) {
        throw new HeimdexError(
          "PROTOCOL_UNSUPPORTED",
          `the worker speaks ${request.protocolVersions.join(", ") || "no version"}, this server ${STAGE_PROTOCOL_VERSION}`,
          {
            fields: [{ field: "protocol_versions", description: `must contain ${STAGE_PROTOCOL_VERSION}` }],
          },
        );
      }
      if (request.worker === "" || request.worker.length > 128) {
        throw new HeimdexError("INVALID_ARGUMENT", "worker: 1 to 128 characters", {
          fields: [{ field: "worker", description: "1 to 128 characters" }],
        });
      }
      const { session, token } = await sessions.open(request.worker, request.device || "cpu", Date.now());
      return {
        session: session.id,
        token,
        protocolVersion: STAGE_PROTOCOL_VERSION,
        renewEvery: duration(config.renewEveryMs),
        leaseTtl: duration(config.leaseTtlMs),
        acceptWithin: duration(config.acceptWithinMs),
        maxWait: duration(config.maxWaitMs),
        mountProbe: parts.mountProbe,
      };
    },

    async acquireLeases(request, context) {
      let session = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      sessions.seen(session.id, Date.now());
      if (
        !session.mountProven &&
        request.mountProof !== "" &&
        request.mountProof === (await readFile(parts.mountProbe, "utf8"))
      ) {
        session = { ...session, mountProven: true };
        await sessions.update(session);
      }
      const signal = AbortSignal.any([context.signal, stopping]);
      const waitMs = Math.min(milliseconds(request.wait), config.maxWaitMs);
      const slots = new Map(
        request.slots.filter((slot) => slot.count > 0).map((slot) => [slot.stage, Math.min(slot.count, 256)]),
      );
      if (request.lane === AcquireLeasesRequest_Lane.INTERACTIVE) {
        return { leases: await interactive.poll(session.id, slots, waitMs, signal), drain: stopping.aborted };
      }
      const replayKey = `${session.id} ${request.requestId}`;
      const repeated = answers.get(replayKey);
      if (request.requestId !== "" && repeated !== undefined)
        return { leases: await repeated, drain: stopping.aborted };
      const answer = dispatcher.acquire(session, await offersOf(session), slots, request.requestId, waitMs, signal);
      if (request.requestId !== "") {
        answers.set(replayKey, answer);
        const forget = () => answers.delete(replayKey);
        answer.then((given) => (given.length === 0 ? forget() : setTimeout(forget, REPLAY_MS).unref()), forget);
      }
      return { leases: await answer, drain: stopping.aborted };
    },

    async renewLeases(request, context) {
      const session = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      const nowMs = Date.now();
      const untilMs = nowMs + config.leaseTtlMs;
      const renewals: Record<string, SessionRecord["renewals"][string]> = {};
      const verdicts: RenewalAnswer[] = [];
      for (const renewal of request.renewals) {
        const verdict = await verdictFor(parts, session.id, renewal);
        verdicts.push({ lease: renewal.lease, verdict });
        const watched = leases.get(renewal.lease);
        if (verdict !== "CONTINUE" || watched === undefined) continue;
        const { done = 0, total = 0, unit = "", message = "" } = renewal.progress ?? {};
        const progress = JSON.stringify([done, message]);
        if (progress !== watched.lastProgress) {
          watched.lastProgress = progress;
          watched.progressAtMs = nowMs;
        }
        watched.expiresAtMs = untilMs;
        renewals[renewal.lease] = {
          untilMs,
          done,
          total,
          unit: unit.slice(0, 32),
          message: message.slice(0, 200),
          progressAtMs: watched.progressAtMs,
        };
      }
      await sessions.update({ ...(sessions.get(session.id) ?? session), seenAtMs: nowMs, renewals });
      const listed = new Set(request.renewals.map((renewal) => renewal.lease));
      for (const held of leases.ofSession(session.id)) {
        // Given since the worker wrote its list: not yet missing from it.
        const isNew =
          held.expiresAtMs > nowMs && held.lastProgress === "" && nowMs - held.progressAtMs < config.acceptWithinMs;
        if (!listed.has(held.fence.lease) && !isNew)
          await release(parts, held.fence.lease, held.job, held.stage, held.fence.epoch);
      }
      return { answers: verdicts, drain: stopping.aborted };
    },

    async finishLeases(request, context) {
      const session = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      if (request.finishes.length > 256)
        throw new HeimdexError("INVALID_ARGUMENT", `${request.finishes.length} finishes, at most 256 a call`, {
          fields: [{ field: "finishes", description: "at most 256" }],
        });
      sessions.seen(session.id, Date.now());
      return { answers: await Promise.all(request.finishes.map((finish) => finishOne(parts, session, finish))) };
    },

    async createUploads(request, context) {
      const session = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      const held = await heldStep(store, session.id, request.lease, request.epoch);
      if (held === undefined) throw superseded(request.lease);
      if (request.sizes.length > 1024)
        throw new HeimdexError("INVALID_ARGUMENT", "at most 1,024 uploads a call", {
          fields: [{ field: "sizes", description: "at most 1,024" }],
        });
      const tooLarge = request.sizes.find((size) => size > config.maxOutputBytes);
      if (tooLarge !== undefined)
        throw new HeimdexError("BLOB_TOO_LARGE", `an output of ${tooLarge} bytes, at most ${config.maxOutputBytes}`, {
          metadata: { stage: held.step.stage },
        });
      return {
        uploads: request.sizes.map((size, index) => {
          const number = request.first + index;
          const grant = {
            tenant: held.job.tenant,
            job: held.job.id,
            stage: held.step.stage,
            lease: request.lease,
            epoch: request.epoch,
            kind: "upload",
            sha256: "",
            size,
            n: number,
          } as const;
          return { number, url: `${parts.dataUrl()}${signGrant(grant, config.signingKey)}` };
        }),
      };
    },

    async closeSession(request, context) {
      const session = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      for (const held of leases.ofSession(session.id))
        await release(parts, held.fence.lease, held.job, held.stage, held.fence.epoch);
      await sessions.close(session.id);
      return {};
    },
  };
}

function superseded(lease: string): HeimdexError {
  return new HeimdexError("LEASE_SUPERSEDED", `lease ${lease} is no longer this session's`, { metadata: { lease } });
}

/** The job and step of a lease, while the session holds it. */
async function heldStep(
  store: JobStore,
  session: string,
  lease: string,
  epoch: number,
): Promise<{ job: Job; step: Step } | undefined> {
  const job = await store.get(jobOf(lease));
  const step = job?.steps.find((candidate) => candidate.lease?.id === lease);
  if (job === undefined || step?.lease?.session !== session || step.lease.epoch !== epoch || step.state !== "LEASED")
    return undefined;
  return { job, step };
}

function jobOf(lease: string): string {
  return lease.split("-")[0] ?? "";
}

async function verdictFor(
  parts: WorkParts,
  session: string,
  renewal: Renewal,
): Promise<"CONTINUE" | "CANCEL" | "LOST"> {
  if ((await heldStep(parts.store, session, renewal.lease, renewal.epoch)) !== undefined) return "CONTINUE";
  const job = await parts.store.get(jobOf(renewal.lease));
  return job !== undefined && jobEnded(job.state) && job.cancelRequested ? "CANCEL" : "LOST";
}

async function release(parts: WorkParts, lease: string, job: string, stage: string, epoch: number): Promise<void> {
  parts.leases.remove(lease);
  await parts.store.apply(job, { kind: "released", atMs: Date.now(), stage, fence: { lease, epoch } });
}

async function finishOne(parts: WorkParts, session: SessionRecord, finish: Finish): Promise<FinishAnswer> {
  const { store, leases, trace } = parts;
  if (finish.lease.startsWith("i_")) {
    const taken = parts.interactive.finish(finish);
    return {
      lease: finish.lease,
      result: taken ? "ACCEPTED" : "SUPERSEDED",
      reason: taken ? "" : "LEASE_SUPERSEDED",
      message: "",
    };
  }
  const held = await heldStep(store, session.id, finish.lease, finish.epoch);
  if (held === undefined) return notHeld(store, finish);
  const { job, step } = held;
  const fence = { lease: finish.lease, epoch: finish.epoch };
  const cost = { wallMs: finish.wallMs, cpuMs: finish.cpuMs };
  const startMs = step.lease?.grantedAtMs ?? 0;
  let refusal: HeimdexError | undefined;
  let applied = false;
  if (finish.outcome?.$case === "completed") {
    const verifyMs = Date.now();
    try {
      await sourceUnchanged(job, step);
      const verified = await verifyOutputs(parts.blobs, job.tenant, step, finish.lease, finish.outcome.value.outputs);
      const partial = finish.outcome.value.partialReason.slice(0, 1000);
      ({ applied } = await store.apply(job.id, {
        kind: "finished",
        atMs: Date.now(),
        stage: step.stage,
        fence,
        ...verified,
        partial,
        ...cost,
      }));
      trace.own(job, {
        name: `commit ${step.stage}`,
        spanId: newSpanId(),
        parentId: step.lease?.spanId ?? "",
        startMs: verifyMs,
        durationMs: Date.now() - verifyMs,
        attributes: { stage: step.stage },
      });
    } catch (reason) {
      const error = HeimdexError.from(reason);
      // A fault of ours (a full disk, a store that is away) is no fault of the worker's: the call fails, and the worker repeats it.
      if (
        error.id !== "OUTPUT_INVALID" &&
        error.id !== "SOURCE_CHANGED" &&
        error.id !== "SOURCE_NOT_FOUND" &&
        error.id !== "SOURCE_UNREADABLE"
      )
        throw error;
      refusal = error;
      const failure: Failure = {
        kind: error.id === "OUTPUT_INVALID" ? "RETRYABLE" : "INPUT_REJECTED",
        reason: error.id,
        message: error.message,
        help: error.help,
        retryAfterMs: undefined,
        logTail: "",
      };
      ({ applied } = await store.apply(job.id, {
        kind: "failed",
        atMs: Date.now(),
        stage: step.stage,
        fence,
        failure,
        random: Math.random(),
        ...cost,
      }));
    }
  } else if (finish.outcome?.$case === "failed") {
    const failure = readFailure(finish.outcome.value);
    ({ applied } = await store.apply(job.id, {
      kind: "failed",
      atMs: Date.now(),
      stage: step.stage,
      fence,
      failure,
      random: Math.random(),
      ...cost,
    }));
  } else {
    ({ applied } = await store.apply(job.id, { kind: "released", atMs: Date.now(), stage: step.stage, fence }));
  }
  if (!applied) return notHeld(store, finish);
  leases.remove(finish.lease);
  const failed =
    finish.outcome?.$case === "failed"
      ? `${finish.outcome.value.reason}: ${finish.outcome.value.message}`
      : refusal?.message;
  trace.own(job, {
    name: `attempt ${step.stage}`,
    spanId: step.lease?.spanId ?? newSpanId(),
    parentId: "",
    startMs,
    durationMs: Date.now() - startMs,
    attributes: {
      stage: step.stage,
      attempt: String(finish.epoch),
      worker: session.worker,
      outcome: refusal?.id ?? finish.outcome?.$case ?? "released",
    },
    ...(failed === undefined ? {} : { error: failed }),
  });
  trace.worker(job, readSpans(finish, session.worker));
  if (refusal !== undefined)
    return { lease: finish.lease, result: "REFUSED", reason: refusal.id, message: refusal.message };
  return { lease: finish.lease, result: "ACCEPTED", reason: "", message: "" };
}

async function notHeld(store: JobStore, finish: Finish): Promise<FinishAnswer> {
  const job = await store.get(jobOf(finish.lease));
  // The worker repeats what was accepted: its answer was lost.
  const again = job?.steps.some((step) => step.endedBy === finish.lease && step.epoch === finish.epoch) === true;
  if (again) return { lease: finish.lease, result: "ACCEPTED", reason: "", message: "" };
  return {
    lease: finish.lease,
    result: "SUPERSEDED",
    reason: "LEASE_SUPERSEDED",
    message: `lease ${finish.lease} is no longer this session's`,
  };
}

/** A step that read the source read what the plan was made with, or its result does not count. */
async function sourceUnchanged(job: Job, step: Step): Promise<void> {
  if (!step.bindings.some((binding) => binding.from === "")) return;
  await assertUnchanged(sourcePath(job.sourceUri), { size: job.sourceSize, modifiedMs: job.sourceModifiedMs });
}

function readFailure(failed: {
  kind: Failed_Kind;
  reason: string;
  message: string;
  help: string;
  retryAfter: { seconds: number; nanos: number } | undefined;
  logTail: string;
}): Failure {
  const kind =
    failed.kind === "TERMINAL" || failed.kind === "INPUT_REJECTED" || failed.kind === "RESOURCE"
      ? failed.kind
      : "RETRYABLE";
  return {
    kind,
    reason: /^[A-Z][A-Z0-9_]{0,63}$/.test(failed.reason) ? failed.reason : "STAGE_ERROR",
    message: failed.message.slice(0, 2000),
    help: failed.help.slice(0, 1000),
    retryAfterMs: failed.retryAfter === undefined ? undefined : milliseconds(failed.retryAfter),
    logTail: failed.logTail.slice(-4096),
  };
}

function readSpans(finish: Finish, worker: string): SpanData[] {
  return finish.spans.map((span) => ({
    name: span.name.slice(0, 128),
    service: worker.split("@")[0] ?? worker,
    spanId: span.spanId,
    parentId: span.parentSpanId,
    startMs: span.startTime?.getTime() ?? 0,
    durationMs: milliseconds(span.duration),
    attributes: span.attributes,
    error: span.error,
  }));
}
