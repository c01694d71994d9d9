export { backoffMs, DEFAULT_RETRY_POLICY, type RetryPolicy } from "./backoff.ts";
export { canonicalJson } from "./canonical-json.ts";
export { compareVersions } from "./compare-versions.ts";
export type { Effect, Failure, JobEvent } from "./event.ts";
export {
  type ArtifactRef,
  type AssetRecord,
  type Binding,
  type CacheEntry,
  type Ending,
  type Facts,
  type Fence,
  isFinal,
  type Job,
  type JobState,
  jobEnded,
  type Lease,
  type Said,
  type SessionRecord,
  type SourceRecord,
  type SpanData,
  type SpanRecord,
  type Step,
  type StepState,
} from "./job.ts";
export { leaseHolds } from "./lease-holds.ts";
export {
  customLayerPorts,
  isLeftOut,
  LAYER_SCHEMA_PREFIX,
  MEDIA_SCHEMA,
  type ModelRef,
  NEIGHBOUR_SCHEMA,
  POSTER_SCHEMA,
  type PortSpec,
  SOURCE_SCHEMA,
  type StageManifest,
  type StageRecord,
  type StageStanding,
  stageStanding,
} from "./manifest.ts";
export { newJob } from "./new-job.ts";
export {
  PLANS_ID,
  type PlanMarks,
  type PlansRecord,
  planDigest,
  planMarks,
  planTerm,
  presentTerm,
  upToDatePlans,
} from "./plan-marks.ts";
export { EMPTY_PLAN_CONFIG, type PlanConfig, planSteps, schemaDefaults } from "./planner.ts";
export { activeTerm, assetId, requestRecordId, sourceId } from "./record-ids.ts";
export {
  ASKED_FOR,
  CACHED_EMPTY,
  DISABLED,
  ENABLE,
  LEFT_OUT,
  type Reduced,
  type ReducerConfig,
  reduce,
  stepInputs,
} from "./reducer.ts";
export { runCause } from "./run-cause.ts";
export {
  type AssetSpaces,
  leave,
  makerOf,
  mayServe,
  type SeenSpace,
  SPACE_KINDS,
  type SpaceKind,
  type SpaceProgress,
  type SpaceRecord,
  type SpaceRef,
  seeSpace,
  spaceProgress,
  spaceRecordId,
  spaceTerm,
  spaceTerms,
  switchSpace,
} from "./space-record.ts";
export { stepKey } from "./step-key.ts";
export {
  openUploadsTerm,
  readUploadId,
  type UploadRecord,
  uploadDocument,
  uploadId,
  uploadRecordId,
  uploadSort,
} from "./upload-record.ts";
