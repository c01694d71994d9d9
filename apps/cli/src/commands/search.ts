import { setTimeout as delay } from "node:timers/promises";
import type { SearchRequest, SearchResponse } from "@heimdex/contracts/v1/search";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { findAsset } from "../find-asset.ts";
import { findMoment } from "../find-moment.ts";
import { rememberSearch } from "../last-search.ts";
import { queryPicture } from "../query-picture.ts";
import { resultLines } from "../result-lines.ts";
import { sourcePath } from "../source-uri.ts";
import { printable } from "../ui/text.ts";
import { UsageError } from "../usage-error.ts";

export interface SearchOptions {
  readonly asset?: readonly string[];
  readonly from?: number;
  readonly to?: number;
  readonly language?: readonly string[];
  readonly channel?: readonly string[];
  readonly label?: readonly string[];
  readonly where?: readonly string[];
  readonly like?: string;
  readonly image?: string;
  readonly limit: number;
}

/** Where this process hosts, the worker that embeds queries has only just come up. */
const WARM_UP_TRIES = 40;
const WARM_UP_PAUSE_MS = 50;

/** Stages that embed queries. */
const EMBEDDERS: ReadonlySet<string> = new Set(["embed.text", "embed.image"]);

/** `search` */
export async function search(context: Context, words: readonly string[], options: SearchOptions): Promise<undefined> {
  const { terminal } = context;
  const query = words.join(" ");
  const sought = [query.trim() !== "", options.like !== undefined, options.image !== undefined].filter(Boolean).length;
  if (sought === 0 && !isNarrowed(options))
    throw new UsageError("the query is empty", 'Say what to look for: heimdex search "the harbour at night"');
  if (sought > 1)
    throw new UsageError("only one of QUERY, --like and --image can be searched for", "Leave out the others.");
  const image = options.image === undefined ? undefined : await queryPicture(options.image);
  await using archive = await Archive.open(context, { needs: "search" });
  const assets: string[] = [];
  for (const name of options.asset ?? []) assets.push((await findAsset(archive, name)).asset);
  const answer = await ask(context, archive, {
    query,
    ...(options.like === undefined ? {} : { like: await findMoment(archive, options.like, context.signal) }),
    ...(image === undefined ? {} : { image }),
    pageSize: options.limit,
    assets,
    fromMs: options.from ?? 0,
    toMs: options.to ?? 0,
    languages: [...(options.language ?? [])],
    channels: [...(options.channel ?? [])],
    labels: [...(options.label ?? [])],
    where: [...(options.where ?? [])],
  });
  const document = searchDocument(answer);
  await rememberSearch(archive.root, { query: answer.query, results: document.results });
  terminal.document(document);
  if (answer.degraded)
    terminal.note(`${terminal.noteStyle.warn("not all was searched:")} ${printable(answer.degradedReason)}`);
  if (answer.results.length === 0) {
    terminal.line("Nothing matches.");
    if ((await archive.call((api) => api.assets.listAssets({ pageSize: 1 }))).assets.length === 0)
      terminal.note("The archive is empty. Fill it: heimdex index PATH...");
    return;
  }
  for (const [at, result] of answer.results.entries()) {
    for (const line of resultLines(at + 1, result, answer.query, terminal.style)) terminal.line(line);
  }
  for (const line of facetLines(answer)) terminal.line(terminal.style.dim(line));
  terminal.line(terminal.style.dim(`${answer.tookMs.toFixed(0)} ms. See one: heimdex open 1`));
}

function isNarrowed({ asset, from, to, language, label, where }: SearchOptions): boolean {
  return [asset, from, to, language, label, where].some((option) => option !== undefined);
}

/** Searches; where this process hosts, waits until the query's meaning can be searched, too. */
export async function ask(
  { signal }: Context,
  archive: Archive,
  request: Partial<SearchRequest>,
): Promise<SearchResponse> {
  await archive.ready();
  for (let tries = 1; ; tries++) {
    const answer = await archive.call((api) => api.search.search(request, { signal }));
    if (!answer.degraded || archive.platform.host === undefined || tries === WARM_UP_TRIES) return answer;
    const { stages } = await archive.call((api) => api.stages.listStages({ pageSize: 1000 }));
    if (!stages.some(({ stage, state }) => EMBEDDERS.has(stage) && state === "ENABLED")) return answer;
    await delay(WARM_UP_PAUSE_MS, undefined, { signal });
  }
}

/** What the answer could be narrowed to, a line for each field. */
function facetLines({ facets }: SearchResponse): string[] {
  const byField = Map.groupBy(facets, ({ field }) => field);
  return [...byField].map(
    ([field, its]) =>
      `--where ${printable(field)}=${its.map(({ value, moments }) => `${printable(value)} (${moments})`).join(" or ")}`,
  );
}

/** The one document of `search --json`. */
export function searchDocument(answer: SearchResponse) {
  return {
    query: answer.query,
    results: answer.results.map(({ asset, moment, source, startMs, endMs, atMs, score, snippet, why }) => ({
      asset,
      moment,
      source: sourcePath(source),
      start_ms: startMs,
      end_ms: endMs,
      at_ms: atMs,
      score,
      snippet,
      why: why.map(({ channel, rank, score: own, matched }) => ({ channel, rank, score: own, matched })),
    })),
    took_ms: answer.tookMs,
    degraded: answer.degraded,
    facets: answer.facets.map(({ field, value, moments }) => ({ field, value, moments })),
  };
}
