import type { IncomingMessage } from "node:http";
import { HeimdexError } from "@heimdex/errors";
import type { ByteRange } from "@heimdex/ports";
import type { GuardedClient } from "./guarded-client.ts";
import { fromConnection, fromStatus } from "./http-error.ts";
import { readOn } from "./read-on.ts";
import { assertSame, type SourceFacts } from "./source-facts.ts";
import type { SourcePlace } from "./source-uri.ts";

type HttpPlace = SourcePlace & { readonly kind: "http" };

/** What a web page, or an error of an API, comes as: no film does. */
const NO_FILM = /^(?:text\/html|application\/(?:xhtml\+xml|(?:\S+\+)?json))\s*(?:;|$)/i;

/** Films at `https://`, one for each URL. */
export class HttpSource {
  readonly #client: GuardedClient;
  readonly #maxBytes: number;

  constructor(client: GuardedClient, maxBytes: number) {
    this.#client = client;
    this.#maxBytes = maxBytes;
  }

  /** Asked by GET for its first byte: servers that refuse HEAD, as presigned URLs do, answer this. */
  async stat(place: HttpPlace, mayBePrivate: boolean, signal?: AbortSignal): Promise<SourceFacts> {
    const response = await this.#get(place, { start: 0, end: 1 }, mayBePrivate, signal);
    response.destroy();
    return this.#factsOf(place, response);
  }

  async read(
    place: HttpPlace,
    facts: SourceFacts,
    range: ByteRange,
    mayBePrivate: boolean,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const open = async (at: number): Promise<AsyncIterable<Uint8Array>> => {
      const response = await this.#get(place, { start: at, end: range.end }, mayBePrivate, signal);
      try {
        assertSame(place.uri, facts, this.#factsOf(place, response));
      } catch (reason) {
        response.destroy();
        throw reason;
      }
      // A server that knows no ranges sends all from the beginning.
      return response.statusCode === 206 ? response : behind(response, at);
    };
    const from = (reason: unknown) => fromConnection(reason, place.url.host);
    return readOn(await open(range.start), range, open, from, signal);
  }

  async #get(
    place: HttpPlace,
    { start, end }: ByteRange,
    mayBePrivate: boolean,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const headers = { range: `bytes=${start}-${end - 1}` };
    const { response, status } = await this.#client.get(place.url, headers, mayBePrivate, signal);
    if (status === 200) return response;
    if (status === 206 && Number(/^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1]) === start)
      return response;
    response.destroy();
    if (status === 416)
      throw new HeimdexError("SOURCE_CHANGED", `${place.uri} has no byte ${start}`, {
        metadata: { source: place.uri },
        help: "Check that it is not empty, and index it again.",
      });
    throw fromStatus(status === 206 ? 502 : status, place.uri, response.headers["retry-after"]);
  }

  #factsOf(place: HttpPlace, { headers, statusCode }: IncomingMessage): SourceFacts {
    const refuse = (id: "SOURCE_UNSUPPORTED" | "SOURCE_TOO_LARGE", why: string, help: string) =>
      new HeimdexError(id, `${place.uri} ${why}`, { metadata: { source: place.uri }, help });
    const type = headers["content-type"] ?? "";
    if (NO_FILM.test(type))
      throw refuse("SOURCE_UNSUPPORTED", `is no film but ${type}`, "Give the address of the film itself.");
    if ((headers["content-encoding"] ?? "identity") !== "identity")
      throw refuse(
        "SOURCE_UNSUPPORTED",
        `comes encoded as ${headers["content-encoding"]}`,
        "Have its server send it as it is.",
      );
    const stated =
      statusCode === 206 ? /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] : headers["content-length"];
    if (stated === undefined)
      throw refuse("SOURCE_UNSUPPORTED", "does not say how large it is", "Have its server state Content-Length.");
    const size = Number(stated);
    if (size > this.#maxBytes)
      throw refuse(
        "SOURCE_TOO_LARGE",
        `has ${size} bytes, and at most ${this.#maxBytes} are read from there`,
        "Raise HEIMDEX_SOURCES_MAX_BYTES of gateway and orchestrator.",
      );
    const modifiedMs = Date.parse(headers["last-modified"] ?? "");
    return {
      size,
      modifiedMs: Number.isNaN(modifiedMs) ? 0 : modifiedMs,
      ...(headers.etag === undefined ? {} : { tag: headers.etag.slice(0, 512) }),
    };
  }
}

async function* behind(bytes: AsyncIterable<Uint8Array>, start: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of bytes) {
    at += chunk.length;
    if (at > start) yield chunk.subarray(Math.max(0, chunk.length - (at - start)));
  }
}
