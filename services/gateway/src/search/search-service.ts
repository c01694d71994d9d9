import type { SearchRequest, SearchResponse } from "@heimdex/contracts/v1/search";
import type { MomentFilter } from "@heimdex/ports";
import { parseQuery } from "@heimdex/search";
import { z } from "zod";
import type { Call } from "../call.ts";
import type { GatewayConfig } from "../config.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { GatewayPorts } from "../ports.ts";
import { tenantOf } from "../tenant.ts";
import { Violations } from "../violations.ts";
import { CHANNELS, type Channel, MomentSearch } from "./moment-search.ts";

const MAX_QUERY_CHARACTERS = 1000;
const MAX_LIST = 100;
const pageState = z.strictObject({ from: z.int().min(1).max(100_000) });

/** heimdex.v1.SearchService: checks the request, pages, and leaves the search itself to `MomentSearch`. */
export class SearchService {
  readonly #search: MomentSearch;

  constructor({ bus, index }: Pick<GatewayPorts, "bus" | "index">, config: Pick<GatewayConfig, "embedTimeoutMs">) {
    this.#search = new MomentSearch(bus, index, config.embedTimeoutMs);
  }

  async search(request: SearchRequest, call: Call): Promise<SearchResponse> {
    const began = performance.now();
    const violations = new Violations();
    checkQuery(request.query, violations);
    const query = parseQuery(request.query);
    const size = violations.pageSize("page_size", request.pageSize, 100, 10);
    const perAsset = violations.pageSize("per_asset", request.perAsset, 100, 5);
    checkFilters(request, violations);
    const { assets, fromMs, toMs, languages } = request;
    const channels = [...new Set(request.channels)].sort();
    const scope = ["Search", tenantOf(), query.text, assets, fromMs, toMs, languages, channels, perAsset];
    const from = decodePageToken(request.pageToken, scope, pageState, violations)?.from ?? 0;
    violations.throwIfAny();
    const filter: MomentFilter = {
      tenant: tenantOf(),
      ...(assets.length > 0 ? { assets } : {}),
      ...(fromMs > 0 ? { from_ms: fromMs } : {}),
      ...(toMs > 0 ? { to_ms: toMs } : {}),
      ...(languages.length > 0 ? { languages } : {}),
    };
    const wanted = channels.length === 0 ? CHANNELS : (channels as Channel[]);
    const found = await this.#search.search({ query, channels: wanted, filter, perAsset }, call.signal);
    const end = from + size;
    return {
      query: query.text,
      results: found.results.slice(from, end),
      tookMs: performance.now() - began,
      degraded: found.degradedReason !== "",
      degradedReason: found.degradedReason,
      nextPageToken: end < found.results.length ? encodePageToken(scope, { from: end }) : "",
    };
  }
}

function checkQuery(query: string, violations: Violations): void {
  const characters = [...query.trim().normalize("NFC")].length;
  violations.check(characters > 0, "query", "must be given");
  violations.check(characters <= MAX_QUERY_CHARACTERS, "query", `must be at most ${MAX_QUERY_CHARACTERS} characters`);
}

function checkFilters(request: SearchRequest, violations: Violations): void {
  const { assets, fromMs, toMs, languages, channels } = request;
  violations.check(assets.length <= MAX_LIST, "assets", `must be at most ${MAX_LIST}`);
  for (const [i, asset] of assets.slice(0, MAX_LIST).entries()) violations.id(`assets[${i}]`, asset);
  violations.check(languages.length <= MAX_LIST, "languages", `must be at most ${MAX_LIST}`);
  for (const [i, tag] of languages.slice(0, MAX_LIST).entries()) violations.language(`languages[${i}]`, tag);
  violations.check(toMs === 0 || fromMs < toMs, "to_ms", "must be greater than from_ms");
  violations.check(channels.length <= MAX_LIST, "channels", `must be at most ${MAX_LIST}`);
  for (const [i, channel] of channels.slice(0, MAX_LIST).entries())
    violations.check(
      (CHANNELS as readonly string[]).includes(channel),
      `channels[${i}]`,
      `must be one of ${CHANNELS.join(", ")}`,
    );
}
