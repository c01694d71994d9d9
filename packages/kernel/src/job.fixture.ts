import type { CacheEntry, Job, Lease } from "./job.ts";
import type { PortSpec, StageManifest, StageRecord } from "./manifest.ts";
import { newJob } from "./new-job.ts";

/** `name: schema`, with `?` for optional and `*` for many behind the name. */
function port(text: string): PortSpec {
  const [, name = "", mark = "", schema = ""] = /^(\w+)([?*]?): (.+)$/.exec(text) ?? [];
  return {
    name,
    mediaType: "application/json",
    schema,
    major: 1,
    many: mark === "*",
    optional: mark === "?",
    layerSchema: "",
  };
}

export function stage(
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  more: Partial<StageManifest> = {},
): StageRecord {
  const manifest: StageManifest = {
    name,
    version: "1.0.0",
    behaviour: 1,
    description: "",
    inputs: inputs.map(port),
    outputs: outputs.map(port),
    conditions: [],
    configSchema: "",
    resources: { cpu: 1, memoryMib: 512, gpu: false },
    timeouts: { attemptMs: 0, stallMs: 0 },
    deterministic: true,
    ...more,
  };
  return {
    manifest,
    digest: `digest of ${name}`,
    state: "ENABLED",
    reason: "",
    help: "",
    models: [],
    interactive: false,
    digests: {},
  };
}

/** Probe, then two stages side by side, then one that takes both; one more needs audio. */
export const STAGES: readonly StageRecord[] = [
  stage("t.probe", ["source: heimdex.source"], ["media: heimdex.media"]),
  stage(
    "t.shots",
    ["source: heimdex.source", "media: heimdex.media"],
    ["shots: heimdex.layer.shots", "audio?: t.audio"],
  ),
  stage("t.words", ["audio: t.audio"], ["transcript: heimdex.layer.transcript"], { conditions: ["has_audio"] }),
  stage("t.text", ["shots: heimdex.layer.shots"], ["text: heimdex.layer.text"], { conditions: ["has_video"] }),
  stage(
    "t.embed",
    ["text?: heimdex.layer.text", "transcript?: heimdex.layer.transcript"],
    ["embeddings: heimdex.layer.embeddings"],
  ),
];

export function queued(): Job {
  return newJob({ id: "j_1", tenant: "default", sourceUri: "file:///films/a.mp4" });
}

export function lease(stageName: string, epoch: number, session = "s_1"): Lease {
  return {
    id: `${stageName}-${epoch}`,
    epoch,
    session,
    requestId: "",
    grantedAtMs: 0,
    expiresAtMs: 10_000,
    spanId: "",
  };
}

export function cached(stageName: string, outputs: CacheEntry["outputs"], facts?: CacheEntry["facts"]): CacheEntry {
  return {
    tenant: "default",
    stage: stageName,
    asset: "a",
    job: "j_0",
    outputs,
    empty: false,
    partial: "",
    facts,
    wallMs: 5,
    cpuMs: 4,
    worker: "w",
    device: "cpu",
    endedAtMs: 0,
  };
}
