import { HeimdexError } from "@heimdex/errors";
import { isMediaName, parseSource } from "@heimdex/sources/names";
import type { Archive } from "./archive.ts";
import type { Context } from "./context.ts";
import type { Found } from "./media-files.ts";
import { sourceUri } from "./source-uri.ts";
import { count, printable } from "./ui/text.ts";

/** What was left out of a folder is named up to here. */
const NAMED = 3;

/** The films that URIs stand for, as the server sees them, each once: those below for folders and prefixes of buckets. What is wrong with one URI never stops the
 * others. */
export async function findServerFilms(context: Context, archive: Archive, uris: readonly string[]): Promise<Found[]> {
  const found = new Map<string, Found>();
  for (const uri of uris) {
    try {
      for (const film of await filmsOf(context, archive, sourceUri(uri))) found.set(film, { path: film });
    } catch (reason) {
      context.signal.throwIfAborted();
      const problem = HeimdexError.from(reason);
      if (problem.id === "UNAVAILABLE" || problem.id === "UNAUTHENTICATED") throw problem;
      found.set(uri, { path: uri, problem });
    }
  }
  return [...found.values()];
}

async function filmsOf(context: Context, archive: Archive, uri: string): Promise<string[]> {
  const { kind } = parseSource(uri);
  const isFolder = uri.endsWith("/");
  if (kind === "http" || kind === "upload" || (isMediaName(uri) && !isFolder)) return [uri];
  const films: string[] = [];
  const leftOut: { readonly uri: string; readonly why: string }[] = [];
  let others = 0;
  for (let pageToken = ""; ; ) {
    const page = await archive
      .call((api) => api.sources.listSources({ uri, pageToken }, { signal: context.signal }))
      .catch((reason: unknown) => {
        // A file that is named is tried whatever it is called.
        if (HeimdexError.from(reason).id === "SOURCE_NOT_FOUND" && !isFolder) return undefined;
        throw reason;
      });
    if (page === undefined) return [uri];
    films.push(...page.sources.map((source) => source.uri));
    for (const other of page.leftOut) {
      if (leftOut.length < NAMED) leftOut.push(other);
      others++;
    }
    if (page.nextPageToken === "") break;
    pageToken = page.nextPageToken;
  }
  // The same for an object.
  if (films.length === 0 && leftOut.some((other) => other.uri === uri)) return [uri];
  sayWhatIsLeftOut(context, uri, others, leftOut);
  if (films.length > 0) return films;
  throw new HeimdexError("SOURCE_EMPTY", `${uri} holds no media files`, { metadata: { source: uri } });
}

function sayWhatIsLeftOut(
  { terminal }: Context,
  uri: string,
  others: number,
  named: readonly { readonly uri: string; readonly why: string }[],
): void {
  if (others === 0) return;
  const examples = named.map((other) => `${printable(other.uri)} (${other.why})`).join(", ");
  const more = others > named.length ? " and others" : "";
  terminal.note(`heimdex: ${count(others, "thing")} below ${printable(uri)} left out: ${examples}${more}`);
}
