import type { Blobs, MomentRow } from "@heimdex/ports";
import { type Moment, type MomentOptions, momentsOf, type SpannedVector, vectorFor } from "@heimdex/search";
import type { Layer, Sidecar, StageLayer } from "@heimdex/sidecar";

type Embeddings = StageLayer<"embeddings"> & { readonly run: string };

/** Rows of the search index for one sidecar: its moments, with their texts and the vectors that its embedding layers hold. */
export async function sidecarRows(
  blobs: Blobs,
  tenant: string,
  sidecar: Sidecar,
  options: MomentOptions,
): Promise<MomentRow[]> {
  const layers = await Promise.all(
    sidecar.layers.filter(isEmbeddings).map((layer) => LayerVectors.read(blobs, tenant, layer)),
  );
  const recorded = Date.parse(sidecar.media?.created_at ?? "");
  const source = { asset: sidecar.asset.id, media: sidecar.media, layers: sidecar.layers };
  return momentsOf(source, options).map((moment) => ({
    id: moment.id,
    tenant,
    asset: sidecar.asset.id,
    revision: sidecar.revision,
    start_ms: moment.start_ms,
    end_ms: moment.end_ms,
    spoken: moment.spoken,
    written: moment.written,
    described: moment.described,
    names: moment.people.join("\n"),
    custom: moment.custom,
    labels: moment.labels,
    languages: moment.languages,
    title: sidecar.asset.title,
    source: sidecar.asset.source,
    recorded_ms: Number.isNaN(recorded) ? undefined : recorded,
    vectors: vectorsOf(moment, layers),
  }));
}

function isEmbeddings(layer: Layer): layer is Embeddings {
  return layer.kind === "embeddings";
}

function vectorsOf(moment: Moment, layers: readonly (LayerVectors | undefined)[]): Map<string, Float32Array[]> {
  const bySpace = new Map<string, Float32Array[]>();
  for (const layer of layers) {
    const found = layer?.of(moment) ?? [];
    if (layer !== undefined && found.length > 0)
      bySpace.set(layer.space, [...(bySpace.get(layer.space) ?? []), ...found]);
  }
  return bySpace;
}

/** The vectors of one layer, looked up by span: a moment's own, and those of the keyframes that lie in it. */
class LayerVectors {
  readonly space: string;
  readonly #dimension: number;
  readonly #matrix: Float32Array;
  readonly #moments: readonly SpannedVector[];
  readonly #keyframes: readonly SpannedVector[];

  private constructor(space: { id: string; dimension: number }, matrix: Float32Array, items: Embeddings["items"]) {
    this.space = space.id;
    this.#dimension = space.dimension;
    this.#matrix = matrix;
    this.#moments = items.filter((item) => item.of === "moment");
    this.#keyframes = items.filter((item) => item.of === "keyframe");
  }

  /** Undefined for a layer without vectors. */
  static async read(blobs: Blobs, tenant: string, layer: Embeddings): Promise<LayerVectors | undefined> {
    const { space, vectors, items } = layer;
    if (space === undefined || vectors === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of await blobs.get({ tenant, sha256: vectors.sha256, size: vectors.size }))
      chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const matrix = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    return new LayerVectors(space, matrix, items);
  }

  of(moment: Moment): Float32Array[] {
    const own = vectorFor(moment, this.#moments);
    const shown = this.#keyframes.filter((item) => moment.start_ms <= item.start_ms && item.start_ms < moment.end_ms);
    return [...(own === undefined ? [] : [own]), ...shown]
      .map((item) => this.#matrix.slice(item.vector * this.#dimension, (item.vector + 1) * this.#dimension))
      .filter((vector) => isDirection(vector, this.#dimension));
  }
}

/** Whether a vector can be compared at all: one that cannot leaves its moment to its words. */
function isDirection(vector: Float32Array, dimension: number): boolean {
  const length = Math.hypot(...vector);
  return vector.length === dimension && Number.isFinite(length) && length > 0;
}
