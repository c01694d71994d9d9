import { createHash } from "node:crypto";
import type { SearchRequest, SearchResponse } from "@heimdex/contracts/v1/search";
import type { Catalog, MomentFilter } from "@heimdex/ports";
import { parseQuery } from "@heimdex/search";
import { z } from "zod";
import type { Call } from "../call.ts";
import type { GatewayConfig } from "../config.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { GatewayPorts } from "../ports.ts";
import { Violations } from "../violations.ts";
import { facetCounts } from "./facet-counts.ts";
import { CHANNELS, type Channel, type MomentQuery, MomentSearch } from "./moment-search.ts";
import { readWhere } from "./where.ts";

const MAX_QUERY_CHARACTERS = 1000;
/** In base64, and with what is around it, a message of 256 KiB. */
const MAX_IMAGE_BYTES = 180 * 1024;
const MAX_LIST = 100;
const pageState = z.strictObject({ from: z.int().min(1).max(100_000) });

/** heimdex.v1.SearchService: checks the request, pages, and leaves the search itself to `MomentSearch`. */
export class SearchService {
  readonly #search: MomentSearch;
  readonly #catalog: Catalog;

  constructor(
    ports: Pick<GatewayPorts, "bus" | "index" | "catalog">,
    { embedTimeoutMs, pictureTimeoutMs }: Pick<GatewayConfig, "embedTimeoutMs" | "pictureTimeoutMs">,
  ) {
    this.#catalog = ports.catalog;
    this.#search = new MomentSearch(ports, { timeoutMs: embedTimeoutMs, pictureTimeoutMs });
  }

  async search(request: SearchRequest, call: Call): Promise<SearchResponse> {
    const began = performance.now();
    const violations = new Violations();
    const { assets, fromMs, toMs, languages, labels, where } = request;
    const sought = soughtOf(request, violations);
    const size = violations.pageSize("page_size", request.pageSize, 100, 10);
    const perAsset = violations.pageSize("per_asset", request.perAsset, 100, 5);
    checkFilters(request, violations);
    const filters = await readWhere(where.slice(0, MAX_LIST), this.#catalog, violations);
    const channels = [...new Set(request.channels)].sort();
    const scope = [
      "Search",
      call.caller.tenant,
      scopeOf(sought),
      assets,
      fromMs,
      toMs,
      languages,
      labels,
      where,
      channels,
      perAsset,
    ];
    const from = decodePageToken(request.pageToken, scope, pageState, violations)?.from ?? 0;
    violations.throwIfAny();
    const filter: MomentFilter = {
      tenant: call.caller.tenant,
      ...(assets.length > 0 ? { assets } : {}),
      ...(fromMs > 0 ? { from_ms: fromMs } : {}),
      ...(toMs > 0 ? { to_ms: toMs } : {}),
      ...(languages.length > 0 ? { languages } : {}),
      ...(labels.length > 0 ? { labels } : {}),
    };
    const wanted = channels.length === 0 ? CHANNELS : (channels as Channel[]);
    const end = from + size;
    const found = await this.#search.search(
      { sought, channels: wanted, filter, where: filters, perAsset, from, end },
      call.signal,
    );
    return {
      query: sought.kind === "words" ? sought.query.text : "",
      results: [...found.results],
      tookMs: performance.now() - began,
      degraded: found.degradedReason !== "",
      degradedReason: found.degradedReason,
      facets: facetCounts(found.facets),
      nextPageToken: end < found.total ? encodePageToken(scope, { from: end }) : "",
    };
  }
}

function soughtOf(request: SearchRequest, violations: Violations): MomentQuery["sought"] {
  const { query, like, image } = request;
  const given = [query.trim() !== "", like !== "", image.length > 0].filter(Boolean).length;
  if (given === 0) {
    violations.check(request.perAsset === 0, "per_asset", "must not be given for a list: it has all");
    violations.check(
      isNarrowed(request),
      "query",
      "must be given, or `like`, or `image`, or something that narrows, such as `where`",
    );
    return { kind: "all" };
  }
  violations.check(given <= 1, "query", "must come alone: only one of `query`, `like` and `image` may be given");
  if (like !== "") {
    violations.id("like", like);
    return { kind: "moment", id: like };
  }
  if (image.length > 0) {
    violations.check(
      image.length <= MAX_IMAGE_BYTES,
      "image",
      `must be at most ${MAX_IMAGE_BYTES} bytes: make it smaller`,
    );
    violations.check(isPicture(image), "image", "must be a JPEG, PNG or WebP");
    return { kind: "picture", image };
  }
  const characters = [...query.trim().normalize("NFC")].length;
  violations.check(characters <= MAX_QUERY_CHARACTERS, "query", `must be at most ${MAX_QUERY_CHARACTERS} characters`);
  return { kind: "words", query: parseQuery(query) };
}

function isNarrowed({ assets, fromMs, toMs, languages, labels, where }: SearchRequest): boolean {
  return fromMs > 0 || toMs > 0 || [assets, languages, labels, where].some(({ length }) => length > 0);
}

/** What a page token is bound to. */
function scopeOf(sought: MomentQuery["sought"]): string {
  switch (sought.kind) {
    case "words":
      return sought.query.text;
    case "all":
      return "";
    case "moment":
      return `moment ${sought.id}`;
    case "picture":
      return `picture ${createHash("sha256").update(sought.image).digest("hex")}`;
  }
}

/** By how such files begin: of JPEG, PNG and WebP. */
function isPicture(image: Uint8Array): boolean {
  const head = Buffer.from(image.subarray(0, 12)).toString("latin1");
  return head.startsWith("\xff\xd8\xff") || head.startsWith("\x89PNG\r\n\x1a\n") || /^RIFF....WEBP/s.test(head);
}

function checkFilters(request: SearchRequest, violations: Violations): void {
  const { assets, fromMs, toMs, languages, labels, where, channels } = request;
  violations.check(assets.length <= MAX_LIST, "assets", `must be at most ${MAX_LIST}`);
  for (const [i, asset] of assets.slice(0, MAX_LIST).entries()) violations.id(`assets[${i}]`, asset);
  violations.check(languages.length <= MAX_LIST, "languages", `must be at most ${MAX_LIST}`);
  for (const [i, tag] of languages.slice(0, MAX_LIST).entries()) violations.language(`languages[${i}]`, tag);
  violations.check(labels.length <= MAX_LIST, "labels", `must be at most ${MAX_LIST}`);
  for (const [i, label] of labels.slice(0, MAX_LIST).entries())
    violations.check(label.trim() !== "" && label.length <= 200, `labels[${i}]`, "must be 1 to 200 characters");
  violations.check(where.length <= MAX_LIST, "where", `must be at most ${MAX_LIST}`);
  violations.check(toMs === 0 || fromMs < toMs, "to_ms", "must be greater than from_ms");
  violations.check(channels.length <= MAX_LIST, "channels", `must be at most ${MAX_LIST}`);
  for (const [i, channel] of channels.slice(0, MAX_LIST).entries())
    violations.check(
      (CHANNELS as readonly string[]).includes(channel),
      `channels[${i}]`,
      `must be one of ${CHANNELS.join(", ")}`,
    );
}
