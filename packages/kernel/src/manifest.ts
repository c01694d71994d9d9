/** A port as the planner sees it. Field meanings: heimdex.stage.v1.Port. */
export interface PortSpec {
  readonly name: string;
  readonly mediaType: string;
  readonly schema: string;
  readonly major: number;
  readonly many: boolean;
  readonly optional: boolean;
  /** Output of a custom layer: JSON Schema as text; "" for none. */
  readonly layerSchema: string;
}

export interface ModelRef {
  readonly id: string;
  readonly sha256: string;
  readonly licence: string;
}

/** A stage manifest, defaults filled in. Field meanings: heimdex.stage.v1.Manifest. */
export interface StageManifest {
  readonly name: string;
  readonly version: string;
  readonly behaviour: number;
  readonly description: string;
  readonly inputs: readonly PortSpec[];
  readonly outputs: readonly PortSpec[];
  readonly conditions: readonly string[];
  /** JSON Schema as text; "" for an empty object. */
  readonly configSchema: string;
  readonly resources: { readonly cpu: number; readonly memoryMib: number; readonly gpu: boolean };
  readonly timeouts: { readonly attemptMs: number; readonly stallMs: number };
  readonly deterministic: boolean;
  /** Failed attempts a step may have. Absent: the server's. */
  readonly attempts?: number;
}

/** A stage in the list of known stages: catalog collection `stages`, id is the stage's name, terms `state:<state>`. One version of it is what plans are made
 * of; workers of others stand beside, for what was planned with those. */
export interface StageRecord {
  readonly manifest: StageManifest;
  /** SHA-256 of the manifest's canonical JSON. */
  readonly digest: string;
  /** RETIRED: plans leave it out until a newer version registers, or a person enables it. */
  readonly state: "ENABLED" | "UNAVAILABLE" | "RETIRED";
  /** Why its last worker could not run it; "" when it could. Outlasts being retired. */
  readonly reason: string;
  readonly help: string;
  /** Models of the newest session that can run it. */
  readonly models: readonly ModelRef[];
  readonly interactive: boolean;
  /** What it is configured to does not fit its configuration schema: which setting, and why. Plans skip it then. Absent while it fits. */
  readonly misconfigured?: string;
  /** A person turned it off, whatever its workers say: plans skip it, or leave it out where what it made is kept. Absent while it is on. */
  readonly disabled?: {
    /** Unix ms. */
    readonly sinceMs: number;
    /** What it made is still being removed. */
    readonly isPurging: boolean;
    /** What it made stays. */
    readonly isKept?: boolean;
  };
  /** Digests of the manifests registered, by version, oldest first: what MANIFEST_CHANGED compares with. */
  readonly digests: Readonly<Record<string, string>>;
}

/** A stage as people see it. */
export interface StageStanding {
  readonly state: StageRecord["state"] | "DISABLED";
  /** Stable id, colon, sentence; "" for an enabled one. */
  readonly reason: string;
}

/** How a stage stands in plans: what a person said of it counts before what its workers say. */
export function stageStanding(
  stage: Pick<StageRecord, "state" | "reason" | "disabled" | "misconfigured">,
): StageStanding {
  const { state, reason, disabled, misconfigured } = stage;
  if (disabled !== undefined) {
    const made = disabled.isPurging
      ? ", and what it made is being removed"
      : disabled.isKept
        ? "; what it made is kept"
        : "";
    return { state: "DISABLED", reason: `DISABLED: it was turned off${made}` };
  }
  if (state === "RETIRED")
    return {
      state,
      reason: "RETIRED: it was taken out of new plans, until a newer version registers or it is enabled",
    };
  if (misconfigured !== undefined) return { state: "UNAVAILABLE", reason: `CONFIG_INVALID: ${misconfigured}` };
  return { state, reason: state === "UNAVAILABLE" ? reason : "" };
}

/** Whether plans hold nothing of the stage, not even that it is skipped: what it made before then stays as it is. */
export function isLeftOut({ state, disabled }: Pick<StageRecord, "state" | "disabled">): boolean {
  return disabled === undefined ? state === "RETIRED" : disabled.isKept === true;
}

/** Ports that put out custom layers. Those of stages that plans leave out come last: their layers are still there, but where another stage makes the same kind now,
 * that one's word counts. */
export function customLayerPorts(stages: readonly StageRecord[]): PortSpec[] {
  return [...stages]
    .sort((a, b) => Number(isLeftOut(a)) - Number(isLeftOut(b)))
    .flatMap(({ manifest }) => manifest.outputs)
    .filter(({ layerSchema }) => layerSchema !== "");
}

/** The ports that need no stage: the asset itself, and the small files beside it that share its stem. */
export const SOURCE_SCHEMA = "heimdex.source";
export const NEIGHBOUR_SCHEMA = "heimdex.neighbour";
/** Whatever puts this out gives the facts that conditions test. */
export const MEDIA_SCHEMA = "heimdex.media";
/** The picture that stands for an asset. */
export const POSTER_SCHEMA = "heimdex.poster";
/** Schemas of the sidecar's own layers begin so; an optional last label tells producers apart. */
export const LAYER_SCHEMA_PREFIX = "heimdex.layer.";
