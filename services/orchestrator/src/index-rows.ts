import type { Blobs, MomentRow } from "@heimdex/ports";
import {
  type Moment,
  type MomentOptions,
  momentsOf,
  type SpannedVector,
  vectorFor,
  writeInstants,
} from "@heimdex/search";
import type { Layer, Sidecar, StageLayer } from "@heimdex/sidecar";

type Embeddings = StageLayer<"embeddings"> & { readonly run: string };

/** Rows of the search index for one sidecar: its moments, with their texts and the vectors that its embedding layers hold. */
export async function sidecarRows(
  blobs: Blobs,
  tenant: string,
  sidecar: Sidecar,
  options: MomentOptions,
): Promise<MomentRow[]> {
  const stills = keyframeInstants(sidecar.layers);
  const layers = await Promise.all(
    sidecar.layers.filter(isEmbeddings).map((layer) => LayerVectors.read(blobs, tenant, layer, stills)),
  );
  const recorded = Date.parse(sidecar.media?.created_at ?? "");
  const source = { asset: sidecar.asset.id, media: sidecar.media, layers: sidecar.layers };
  return momentsOf(source, options).map((moment) => {
    const found = vectorsOf(moment, layers);
    const vectorTimes = Object.fromEntries([...found].map(([space, its]) => [space, its.map(({ atMs }) => atMs)]));
    return {
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
      facets: moment.facets,
      numbers: moment.numbers,
      labels: moment.labels,
      languages: moment.languages,
      title: sidecar.asset.title,
      source: sidecar.asset.source,
      recorded_ms: Number.isNaN(recorded) ? undefined : recorded,
      instants: writeInstants({ texts: moment.instants, vectors: vectorTimes, fields: moment.fieldInstants }),
      vectors: new Map([...found].map(([space, its]) => [space, its.map(({ vector }) => vector)])),
    };
  });
}

function isEmbeddings(layer: Layer): layer is Embeddings {
  return layer.kind === "embeddings";
}

/** When each keyframe's picture was taken, by id. */
function keyframeInstants(layers: readonly Layer[]): Map<string, number> {
  const keyframes = layers.filter((layer) => layer.kind === "keyframes").flatMap(({ items }) => items);
  return new Map(keyframes.map(({ id, at_ms, start_ms }) => [id, typeof at_ms === "number" ? at_ms : start_ms]));
}

/** A vector, and the instant of the moment that it stands for most. */
interface TimedVector {
  readonly vector: Float32Array;
  readonly atMs: number;
}

function vectorsOf(moment: Moment, layers: readonly (LayerVectors | undefined)[]): Map<string, TimedVector[]> {
  const bySpace = new Map<string, TimedVector[]>();
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
  readonly #keyframes: readonly (SpannedVector & { readonly atMs: number })[];

  private constructor(
    space: { id: string; dimension: number },
    matrix: Float32Array,
    items: Embeddings["items"],
    stills: ReadonlyMap<string, number>,
  ) {
    this.space = space.id;
    this.#dimension = space.dimension;
    this.#matrix = matrix;
    this.#moments = items.filter((item) => item.of === "moment");
    this.#keyframes = items
      .filter((item) => item.of === "keyframe")
      .map((item) => ({ ...item, atMs: stills.get(item.item ?? "") ?? item.start_ms }));
  }

  /** Undefined for a layer without vectors. @param stills instants of keyframes, by id */
  static async read(
    blobs: Blobs,
    tenant: string,
    layer: Embeddings,
    stills: ReadonlyMap<string, number>,
  ): Promise<LayerVectors | undefined> {
    const { space, vectors, items } = layer;
    if (space === undefined || vectors === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of await blobs.get({ tenant, sha256: vectors.sha256, size: vectors.size }))
      chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const matrix = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    return new LayerVectors(space, matrix, items, stills);
  }

  of(moment: Moment): TimedVector[] {
    const own = vectorFor(moment, this.#moments);
    const shown = this.#keyframes.filter(({ atMs }) => moment.start_ms <= atMs && atMs < moment.end_ms);
    return [...(own === undefined ? [] : [{ ...own, atMs: moment.start_ms }]), ...shown]
      .map(({ vector: row, atMs }) => ({
        vector: this.#matrix.slice(row * this.#dimension, (row + 1) * this.#dimension),
        atMs,
      }))
      .filter(({ vector }) => isDirection(vector, this.#dimension));
  }
}

/** Whether a vector can be compared at all: one that cannot leaves its moment to its words. */
function isDirection(vector: Float32Array, dimension: number): boolean {
  const length = Math.hypot(...vector);
  return vector.length === dimension && Number.isFinite(length) && length > 0;
}
