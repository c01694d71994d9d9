import type { ModelRef, PortSpec } from "./manifest.ts";
import type { AssetSpaces } from "./space-record.ts";

/** Bytes a step put out or takes in. */
export interface ArtifactRef {
  readonly port: string;
  readonly mediaType: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** The bytes as base64, when there are at most 4 KiB of them; then no blob holds them. */
  readonly inline?: string;
  /** The bytes are a list of this many artifacts (`ArtifactRef[]` as JSON) that stand for a port with many: the job's document stays small. */
  readonly list?: number;
  /** File name, for neighbouring files. */
  readonly name?: string;
}

/** The right of one worker session to run one attempt until it expires. Times are Unix ms. */
export interface Lease {
  /** Id of the attempt: `<job>-<step index>-<epoch>`. */
  readonly id: string;
  readonly epoch: number;
  readonly session: string;
  readonly requestId: string;
  /** Unless renewed: then the session's record holds a later instant. */
  readonly expiresAtMs: number;
  readonly grantedAtMs: number;
  /** Span id of the attempt in the job's trace. */
  readonly spanId: string;
}

/** What a worker shows to prove that an attempt is still its own. */
export interface Fence {
  readonly lease: string;
  readonly epoch: number;
}

/** How a worker ended a lease: the same said again, by the same session, is answered as it was then. */
export interface Ending extends Fence {
  readonly session: string;
  readonly said: Said;
}

/** What a worker said of its lease; REFUSED: that it was done, and its outputs were not as declared. */
export type Said = "COMPLETED" | "REFUSED" | "FAILED" | "RELEASED";

/** - WAITING: for other steps. - READY: could be leased (from `notBeforeMs` on). - LEASED: a session has it. The others are final. */
export type StepState = "WAITING" | "READY" | "LEASED" | "OK" | "EMPTY" | "CACHED" | "SKIPPED" | "FAILED" | "CANCELLED";

/** Where an input port's artifacts come from. */
export interface Binding {
  readonly port: string;
  /** Stage that puts it out; "" for the source and its neighbours. */
  readonly from: string;
  readonly fromPort: string;
  readonly optional: boolean;
}

export interface Step {
  readonly stage: string;
  readonly version: string;
  readonly behaviour: number;
  /** Manifest digest. */
  readonly digest: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly models: readonly ModelRef[];
  readonly bindings: readonly Binding[];
  readonly outputPorts: readonly PortSpec[];
  readonly conditions: readonly string[];
  /** Stages that must end before it: those it takes from and the one that gives the facts for its conditions. */
  readonly after: readonly string[];
  readonly attemptMs: number;
  readonly stallMs: number;
  /** Failed attempts it may have. Absent: the server's. */
  readonly attempts?: number;
  readonly state: StepState;
  /** SKIPPED, FAILED, CANCELLED, or a retry that is due: stable id, colon, sentence. "" otherwise. */
  readonly reason: string;
  readonly help: string;
  /** The result is usable but not whole: a sentence; "" when whole. */
  readonly partial: string;
  /** Known once all inputs are. */
  readonly key: string;
  /** It runs even if its result is known. Default false. */
  readonly again?: boolean;
  /** Why it runs, or ran: what in its key no earlier run had. Absent where it did not. */
  readonly cause?: string;
  readonly lease: Lease | undefined;
  /** The last lease that ended by a word of its worker; undefined until then. Whatever else ends a lease leaves it. */
  readonly ending: Ending | undefined;
  /** Counts leases ever granted for the step: the next lease's fence. */
  readonly epoch: number;
  /** Attempts that ended by failure and count against the budget. */
  readonly failures: number;
  /** Leases that ended because nothing was heard. */
  readonly lost: number;
  /** READY: not before this, Unix ms. */
  readonly notBeforeMs: number;
  readonly outputs: readonly ArtifactRef[];
  /** Of the attempt that ended it (for CACHED: of the run the result came from). */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly worker: string;
  readonly device: string;
  /** Unix ms; 0 until then. */
  readonly readyAtMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** What earlier runs let one expect, ms; 0 unknown. */
  readonly estimateMs: number;
  /** Tail of a tool's output of the last failure; "" otherwise. */
  readonly logTail: string;
}

export type JobState = "QUEUED" | "RUNNING" | "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED";

/** What conditions test, and what is shown about the asset. */
export interface Facts {
  readonly has_audio: boolean;
  readonly has_video: boolean;
  readonly has_subtitles: boolean;
  readonly duration_ms: number;
}

/** One run of a plan for one asset: catalog collection `jobs`. Ids sort by time. Times are Unix ms. */
export interface Job {
  readonly id: string;
  readonly tenant: string;
  /** "" until the source has been fingerprinted. */
  readonly asset: string;
  readonly sourceUri: string;
  /** SHA-256 and size of the source's bytes; "" and 0 until fingerprinted. */
  readonly fingerprint: string;
  readonly sourceSize: number;
  /** Modification time the fingerprint belongs to, Unix ms. */
  readonly sourceModifiedMs: number;
  /** What the source calls the bytes that the fingerprint is of, such as their ETag; absent where it calls them nothing. */
  readonly sourceTag?: string;
  readonly neighbours: readonly ArtifactRef[];
  readonly priority: number;
  /** What was asked for together; absent: all that came without one. Of jobs of one priority, those of a lesser turn go first. */
  readonly batch?: string;
  /** Absent: 0. */
  readonly turn?: number;
  readonly reread: boolean;
  /** Stages that run even if their results are known. Default: none. */
  readonly again?: readonly string[];
  /** Digest of the plan it was made by, see `PlansRecord`; absent until then. */
  readonly plan?: string;
  readonly state: JobState;
  readonly reason: string;
  readonly help: string;
  readonly steps: readonly Step[];
  readonly facts: Facts | undefined;
  readonly createdAtMs: number;
  readonly plannedAtMs: number;
  readonly endedAtMs: number;
  readonly cancelRequested: boolean;
  /** The job this one joined because it was under way for the same asset; "" otherwise. */
  readonly joined: string;
  readonly traceId: string;
  /** Span id of the job's root span, and what it continues ("" for none). */
  readonly rootSpanId: string;
  readonly parentSpanId: string;
  /** Sidecar revision it wrote; 0 until then. */
  readonly sidecarRevision: number;
  /** The sidecar is written, or the job ended without one. */
  readonly settled: boolean;
  /** When it was settled, while the event log is still to be told of that; absent otherwise. */
  readonly toTellMs?: number;
}

/** What a finished step leaves for later jobs: catalog collection `cache`, id = step key; terms `tenant:<t>`. */
export interface CacheEntry {
  readonly tenant: string;
  readonly stage: string;
  readonly asset: string;
  readonly job: string;
  readonly outputs: readonly ArtifactRef[];
  /** Every layer it put out was empty. */
  readonly empty: boolean;
  readonly partial: string;
  readonly facts: Facts | undefined;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly worker: string;
  readonly device: string;
  readonly endedAtMs: number;
}

/** An asset: catalog collection `assets`; terms `tenant:<t>`, `indexing` while `indexedRevision < sidecarRevision`, `layer:<kind>` for its custom layers, and
 * `present:<t>`, `plan:<t>:<digest>` and those of its spaces while it has a source that is not missing. Times are Unix ms. */
export interface AssetRecord {
  readonly id: string;
  readonly tenant: string;
  readonly fingerprint: string;
  readonly size: number;
  readonly title: string;
  readonly durationMs: number;
  readonly sources: readonly {
    readonly uri: string;
    readonly size: number;
    readonly modifiedMs: number;
    /** As `Job.sourceTag`. */
    readonly tag?: string;
    readonly missing: boolean;
  }[];
  readonly sidecarRevision: number;
  readonly indexedRevision: number;
  /** What the newest indexed sidecar says of spaces; absent until then. */
  readonly spaces?: AssetSpaces;
  /** Kinds of custom layers in the newest indexed sidecar; absent until then. */
  readonly layers?: readonly string[];
  /** Digest of the plan it was last brought up to date by; absent until then. */
  readonly plan?: string;
  /** What lay beside its source then, without bytes. */
  readonly neighbours?: readonly ArtifactRef[];
  readonly latestJob: string;
  readonly createdAtMs: number;
  /** Trace and root span of the job that wrote the newest sidecar: the index span joins it. */
  readonly traceId: string;
  readonly rootSpanId: string;
  /** When `indexedRevision` was indexed, Unix ms, while the event log is still to be told of that; absent otherwise. */
  readonly toTellMs?: number;
}

/** What is known of a source by its URI: catalog collection `sources`, id = hash of tenant and URI; terms `asset:<id>`, `uri-tenant:<t>`. */
export interface SourceRecord {
  readonly uri: string;
  readonly tenant: string;
  readonly size: number;
  readonly modifiedMs: number;
  /** As `Job.sourceTag`. */
  readonly tag?: string;
  readonly fingerprint: string;
  readonly asset: string;
}

/** A worker session: catalog collection `sessions`; terms `session`. Times are Unix ms. */
export interface SessionRecord {
  readonly id: string;
  /** SHA-256 of its token. */
  readonly tokenHash: string;
  /** Id of the key it was opened with; "" where none was asked for. */
  readonly key: string;
  /** Whose jobs it gets steps of; `*`: all. */
  readonly tenant: string;
  /** Stages it may serve; empty: all. */
  readonly mayServe: readonly string[];
  /** From then on its token opens only what its leases need; 0: never. */
  readonly expiresAtMs: number;
  readonly worker: string;
  readonly device: string;
  readonly openedAtMs: number;
  /** Last sign of life. */
  readonly seenAtMs: number;
  readonly mountProven: boolean;
  /** It was opened from outside the servers' network: URLs are to name what is reached from there. */
  readonly outside: boolean;
  /** Stages it serves, with the models it offers; `unavailable` ones get no lease. */
  readonly stages: readonly {
    readonly stage: string;
    readonly version: string;
    readonly models: readonly ModelRef[];
    readonly unavailable: string;
    readonly interactive: boolean;
  }[];
  /** Leases by id: renewed until, and how far they are. */
  readonly renewals: Readonly<
    Record<
      string,
      {
        readonly untilMs: number;
        readonly done: number;
        readonly total: number;
        readonly unit: string;
        readonly message: string;
        readonly progressAtMs: number;
      }
    >
  >;
}

/** Spans of a job's trace: catalog collection `spans`, ids `<job>/<n>`; terms `job:<id>`. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spans: readonly SpanData[];
}
export interface SpanData {
  readonly name: string;
  readonly service: string;
  readonly spanId: string;
  /** "" at the root. */
  readonly parentId: string;
  /** Unix ms with fraction. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly error: boolean;
}

export function isFinal(state: StepState): boolean {
  return state !== "WAITING" && state !== "READY" && state !== "LEASED";
}
export function jobEnded(state: JobState): boolean {
  return state !== "QUEUED" && state !== "RUNNING";
}
