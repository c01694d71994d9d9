import type { Artifact, Lease as LeaseMessage } from "@heimdex/contracts/stage/v1/work_service";
import {
  type ArtifactRef,
  type Job,
  type Lease,
  type SessionRecord,
  SOURCE_SCHEMA,
  type Step,
  stepInputs,
} from "@heimdex/kernel";
import type { Blobs, Reach } from "@heimdex/ports";
import { parseSource, type Sources, sourceName } from "@heimdex/sources";
import { formatTraceparent } from "@heimdex/telemetry";
import { unfoldLists } from "./artifacts.ts";
import { type DataGrant, signGrant } from "./signed-url.ts";

export interface MessageParts {
  readonly blobs: Blobs;
  readonly sources: Sources;
  readonly signingKey: Uint8Array;
  /** Base of data URLs. */
  readonly dataUrl: (reach: Reach) => string;
}

/** From where a session uses URLs. */
export function reachOf({ outside }: Pick<SessionRecord, "outside">): Reach {
  return outside ? "outside" : "inside";
}

/** What a worker is told of a lease. Rejects as the blob store does when a list of inputs cannot be read.
 * @param session who has it: what it can reach */
export async function leaseMessage(
  parts: MessageParts,
  job: Job,
  step: Step,
  lease: Lease,
  session: SessionRecord,
): Promise<LeaseMessage> {
  const inputs: Artifact[] = [];
  for (const [port, refs] of stepInputs(job, step)) {
    const fromSource = step.bindings.find((binding) => binding.port === port)?.fromPort === SOURCE_SCHEMA;
    for (const ref of await unfoldLists(parts.blobs, job.tenant, refs))
      inputs.push(await input(parts, job, step, lease, session, port, ref, fromSource));
  }
  return {
    lease: lease.id,
    epoch: lease.epoch,
    stage: step.stage,
    stageVersion: step.version,
    job: job.id,
    asset: job.asset,
    sourceName: sourceName(job.sourceUri),
    attempt: lease.epoch,
    config: JSON.stringify(step.config),
    inputs,
    expireTime: new Date(lease.expiresAtMs),
    traceparent: formatTraceparent({ traceId: job.traceId, spanId: lease.spanId, sampled: true }),
    attemptTimeoutMs: step.attemptMs,
  };
}

async function input(
  { blobs, sources, signingKey, dataUrl }: MessageParts,
  job: Job,
  step: Step,
  lease: Lease,
  session: SessionRecord,
  port: string,
  ref: ArtifactRef,
  fromSource: boolean,
): Promise<Artifact> {
  const common = { port, mediaType: ref.mediaType, sha256: ref.sha256, size: ref.size, name: ref.name ?? "" };
  if (ref.inline !== undefined)
    return { ...common, path: "", content: { $case: "inline", value: Buffer.from(ref.inline, "base64") } };
  const grant: DataGrant = {
    tenant: job.tenant,
    job: job.id,
    stage: step.stage,
    lease: lease.id,
    epoch: lease.epoch,
    kind: fromSource ? "source" : "blob",
    sha256: ref.sha256,
    size: ref.size,
    n: 0,
  };
  const key = { tenant: job.tenant, sha256: ref.sha256, size: ref.size };
  const local = fromSource ? sources.localPath(job.tenant, job.sourceUri) : blobs.localPath(key);
  const reach = reachOf(session);
  // The store's own, where it has one: then the bytes do not pass through here. It has those of uploads, too.
  const isBlob = !fromSource || parseSource(job.sourceUri).kind === "upload";
  const presigned = isBlob ? await blobs.presignGet(key, step.attemptMs, reach) : undefined;
  return {
    ...common,
    path: session.mountProven ? (local ?? "") : "",
    content: { $case: "url", value: presigned ?? `${dataUrl(reach)}${signGrant(grant, signingKey)}` },
  };
}
