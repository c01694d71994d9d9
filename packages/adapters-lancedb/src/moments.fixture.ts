import type { AssetRows, MomentRow } from "@heimdex/ports";

/** A moment with nothing in it but what is given. */
export function moment(asset: string, n: number, more: Partial<MomentRow> = {}): MomentRow {
  return {
    id: `${asset}/${n}`,
    tenant: "acme",
    asset,
    revision: 1,
    start_ms: n * 1000,
    end_ms: (n + 1) * 1000,
    spoken: "",
    written: "",
    described: "",
    names: "",
    custom: "",
    facets: new Map(),
    numbers: new Map(),
    labels: [],
    languages: ["en"],
    title: asset,
    source: `/films/${asset}.mp4`,
    recorded_ms: undefined,
    instants: "",
    vectors: new Map(),
    ...more,
  };
}

/** How many moments `moments` gives an asset at a revision: 0 to 4. */
export const momentCount = (revision: number): number => revision % 5;

/** An asset whose number of moments tells its revision, each with texts and a vector. */
export function moments(asset: string, revision: number): AssetRows {
  const rows = Array.from({ length: momentCount(revision) }, (_, n) =>
    moment(asset, n, {
      revision,
      spoken: `everywhere ${asset} revision${revision}`,
      vectors: new Map([["space", [Float32Array.of(1, n, revision)]]]),
    }),
  );
  return { tenant: "acme", asset, revision, rows };
}
