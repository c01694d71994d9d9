import { createHash } from "node:crypto";
import {
  type ArtifactRef,
  type AssetRecord,
  assetId,
  DEFAULT_RETRY_POLICY,
  type Effect,
  type Job,
  type JobEvent,
  newJob,
  planSteps,
  presentTerm,
  reduce,
  type Step,
} from "@heimdex/kernel";
import type { Catalog, WriteOp } from "@heimdex/ports";
import { MADE_STAGES } from "./made-stages.ts";

const TENANT = "default";
const CONFIG = { retry: DEFAULT_RETRY_POLICY, salt: "" };
const FACTS = { has_audio: true, has_video: true, has_subtitles: false, duration_ms: 60_000 };
const OPS_PER_WRITE = 1000;

/** Fills a catalog with stages, and with assets whose one job ran them all, as an orchestrator leaves them: job, cache entries and asset are what the
 * reducer makes of made-up runs. No result has more than a line. */
export async function makeArchive(catalog: Catalog, assets: number): Promise<void> {
  const plan = planSteps(MADE_STAGES);
  let ops: WriteOp[] = MADE_STAGES.map((body) => ({
    ...{ op: "put", collection: "stages", id: body.manifest.name, terms: [`state:${body.state}`], sort: "", body },
  }));
  for (let n = 0; n < assets; n++) {
    ops.push(...assetOps(n, plan));
    if (ops.length < OPS_PER_WRITE - 20 && n + 1 < assets) continue;
    await catalog.write(ops);
    ops = [];
  }
}

/** Marks every asset as made by the plan of that digest. */
export async function markPlanned(catalog: Catalog, assets: number, digest: string): Promise<void> {
  for (let from = 0; from < assets; from += 500) {
    const ids = Array.from({ length: Math.min(500, assets - from) }, (_, i) => assetId(TENANT, digestOf(from + i)));
    const found = await catalog.getMany<AssetRecord>("assets", ids);
    await catalog.write(
      found.flatMap((document): WriteOp[] =>
        document === undefined ? [] : [assetOp({ ...document.body, plan: digest })],
      ),
    );
  }
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const digestOf = (n: number) => sha256(`film ${n}`);

function assetOps(n: number, plan: readonly Step[]): WriteOp[] {
  const fingerprint = digestOf(n);
  const [id, asset, uri] = [
    `j_${n.toString(16).padStart(28, "0")}`,
    assetId(TENANT, fingerprint),
    `file:///films/${n}.mp4`,
  ];
  const ops: WriteOp[] = [];
  let job: Job = newJob({ id, tenant: TENANT, sourceUri: uri, createdAtMs: n });
  const apply = (event: JobEvent) => {
    const reduced = reduce(job, event, CONFIG);
    job = reduced.job;
    for (const effect of reduced.effects) follow(effect);
  };
  const follow = (effect: Effect): void => {
    if (effect.kind === "look-up")
      apply({ kind: "looked-up", atMs: 1, stage: effect.stage, key: effect.key, hit: undefined });
    if (effect.kind === "remember")
      ops.push({
        ...{ op: "put", collection: "cache", id: effect.key, terms: [`asset:${asset}`], sort: "", body: effect.entry },
      });
    if (effect.kind !== "offer") return;
    const step = job.steps.find(({ stage }) => stage === effect.stage) as Step;
    const lease = {
      id: `${id}-${effect.stage}`,
      epoch: 1,
      session: "s",
      requestId: "",
      expiresAtMs: 9,
      grantedAtMs: 1,
      spanId: "",
    };
    apply({ kind: "leased", atMs: 1, stage: step.stage, lease, worker: "made", device: "cpu" });
    const outputs = step.outputPorts.map(({ name, mediaType }): ArtifactRef => {
      const text = `${step.stage} ${name} of ${n}`;
      const inline = Buffer.from(text).toString("base64");
      return { port: name, mediaType, sha256: sha256(text), size: text.length, inline };
    });
    const fence = { lease: lease.id, epoch: 1 };
    const times = { wallMs: 40, cpuMs: 30 };
    const facts = step.stage === "made.probe" ? FACTS : undefined;
    apply({ kind: "finished", atMs: 2, stage: step.stage, fence, outputs, empty: false, partial: "", facts, ...times });
  };
  apply({
    ...{
      kind: "planned",
      atMs: 1,
      asset,
      fingerprint,
      sourceSize: 1_000,
      sourceModifiedMs: 1,
      neighbours: [],
      steps: plan,
    },
  });
  apply({ kind: "settled", atMs: 3, sidecarRevision: 1 });
  if (job.state !== "SUCCEEDED") throw new Error(`the made job ended ${job.state}: ${job.reason}`);
  const record: AssetRecord = {
    ...{ id: asset, tenant: TENANT, fingerprint, size: 1_000, title: `${n}.mp4`, durationMs: FACTS.duration_ms },
    sources: [{ uri, size: 1_000, modifiedMs: 1, missing: false }],
    ...{
      sidecarRevision: 1,
      indexedRevision: 1,
      neighbours: [],
      latestJob: id,
      createdAtMs: n,
      traceId: "",
      rootSpanId: "",
    },
  };
  ops.push({ op: "put", collection: "jobs", id, terms: [`tenant:${TENANT}`, `asset:${asset}`], sort: "", body: job });
  ops.push(assetOp(record));
  return ops;
}

function assetOp(body: AssetRecord): WriteOp {
  const terms = [`tenant:${TENANT}`, presentTerm(TENANT)];
  return {
    op: "put",
    collection: "assets",
    id: body.id,
    terms,
    sort: String(body.createdAtMs).padStart(16, "0"),
    body,
  };
}
