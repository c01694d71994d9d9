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
}

/** A stage in the list of known stages: catalog collection `stages`, id is the stage's name, terms `state:<state>`. */
export interface StageRecord {
  readonly manifest: StageManifest;
  /** SHA-256 of the manifest's canonical JSON. */
  readonly digest: string;
  readonly state: "ENABLED" | "UNAVAILABLE" | "RETIRED";
  readonly reason: string;
  readonly help: string;
  /** Models of the newest session that can run it. */
  readonly models: readonly ModelRef[];
  readonly interactive: boolean;
  /** A person turned it off: plans skip it, whatever its workers say. Absent while it is on. */
  readonly disabled?: {
    /** Unix ms. */
    readonly sinceMs: number;
    /** What it made is still being removed. */
    readonly isPurging: boolean;
  };
  /** Digests of every manifest ever registered, by version: what MANIFEST_CHANGED compares with. */
  readonly digests: Readonly<Record<string, string>>;
}

/** Why a disabled stage does not run. */
export function disabledReason({ disabled }: Pick<StageRecord, "disabled">): string {
  return `DISABLED: it was turned off${disabled?.isPurging === true ? ", and what it made is being removed" : ""}`;
}

/** Ports that put out custom layers. Those of retired stages come last: their layers are still there, but where another stage makes the same kind now,
 * that one's word counts. */
export function customLayerPorts(stages: readonly StageRecord[]): PortSpec[] {
  return [...stages]
    .sort((a, b) => Number(a.state === "RETIRED") - Number(b.state === "RETIRED"))
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
