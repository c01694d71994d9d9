import type { Blobs, MomentRow } from "@heimdex/ports";
import { type MomentOptions, momentsOf, vectorFor } from "@heimdex/search";
import type { Layer, Sidecar, StageLayer } from "@heimdex/sidecar";

type Embeddings = StageLayer<"embeddings"> & { readonly run: string };

/** Rows of the search index for one sidecar: its moments, with their texts and the vectors that its embedding layers hold. */
export async function sidecarRows(
  blobs: Blobs,
  tenant: string,
  sidecar: Sidecar,
  options: MomentOptions,
): Promise<MomentRow[]> {
  const vectors = await Promise.all(
    sidecar.layers.filter(isEmbeddings).map((layer) => readVectors(blobs, tenant, layer)),
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
    vectors: new Map(vectors.flatMap((space) => space.of(moment))),
  }));
}

function isEmbeddings(layer: Layer): layer is Embeddings {
  return layer.kind === "embeddings";
}

/** The vectors of one layer, looked up by span. */
async function readVectors(
  blobs: Blobs,
  tenant: string,
  layer: Embeddings,
): Promise<{ of(moment: { start_ms: number; end_ms: number }): [string, Float32Array][] }> {
  const { space, vectors, items } = layer;
  const ofMoments = items.filter((item) => item.of === "moment");
  if (space === undefined || vectors === undefined || ofMoments.length === 0) return { of: () => [] };
  const chunks: Uint8Array[] = [];
  for await (const chunk of await blobs.get({ tenant, sha256: vectors.sha256, size: vectors.size })) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const matrix = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return {
    of(moment) {
      const found = vectorFor(moment, ofMoments);
      if (found === undefined) return [];
      const vector = matrix.slice(found.vector * space.dimension, (found.vector + 1) * space.dimension);
      return isDirection(vector, space.dimension) ? [[space.id, vector]] : [];
    },
  };
}

/** Whether a vector can be compared at all: one that cannot leaves its moment to its words. */
function isDirection(vector: Float32Array, dimension: number): boolean {
  const length = Math.hypot(...vector);
  return vector.length === dimension && Number.isFinite(length) && length > 0;
}
