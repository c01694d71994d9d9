import type { Result } from "@heimdex/contracts/v1/search";
import { type Bus, type MomentFilter, type MomentIndex, TEXT_FIELDS } from "@heimdex/ports";
import { QueryEmbedder } from "./query-embedder.ts";
export const CHANNELS = [...TEXT_FIELDS, "text"] as const;
export type Channel = (typeof CHANNELS)[number];
export interface MomentQuery {
  query: string;
  channels: readonly Channel[];
  filter: MomentFilter;
  perAsset: number;
}
export class MomentSearch {
  readonly #embedder;
  readonly #index;
  constructor(bus: Bus, index: MomentIndex, t: number) {
    this.#embedder = new QueryEmbedder(bus, { timeoutMs: t });
    this.#index = index;
  }
  async search(_q: MomentQuery, _s: AbortSignal): Promise<{ results: Result[]; degradedReason: string }> {
    void this.#embedder;
    void this.#index;
    return { results: [], degradedReason: "" };
  }
}
