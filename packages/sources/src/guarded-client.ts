import { lookup as systemLookup } from "node:dns/promises";
import * as http from "node:http";
import * as https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { HeimdexError, Silence } from "@heimdex/errors";
import { publicAddresses } from "./address-guard.ts";
import { fromConnection } from "./http-error.ts";

export type Resolve = (name: string) => Promise<readonly string[]>;

export interface GuardedClientOptions {
  /** Hosts that may have an address of a private network and speak plain HTTP: `nas.local`, or `nas.local:8080` for that port alone. */
  readonly privateHosts: readonly string[];
  /** How long a server may be silent, ms. */
  readonly silenceMs: number;
  /** Default: the system's. */
  readonly resolve?: Resolve;
}

export interface Answer {
  /** The last one's, behind all redirects. */
  readonly response: http.IncomingMessage;
  readonly status: number;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const systemResolve: Resolve = async (name) => (await systemLookup(name, { all: true })).map(({ address }) => address);

/** Reads from servers that a stranger names. Names are resolved where a connection is made, and it is made to an address that was checked then, so that a name
 * cannot lead elsewhere the second time; redirects are followed one by one, each checked as the first was. */
export class GuardedClient {
  readonly #options: GuardedClientOptions;
  readonly #open: Agents;
  readonly #guarded: Agents;

  constructor(options: GuardedClientOptions) {
    this.#options = options;
    const resolve = options.resolve ?? systemResolve;
    this.#open = agents(resolve);
    this.#guarded = agents((name) => publicAddresses(new URL(`https://${name}`), resolve));
  }

  close(): void {
    for (const agent of [...Object.values(this.#open), ...Object.values(this.#guarded)]) agent.destroy();
  }

  /** Whether an address may be read from at all, as far as it is told without a look-up.
   * @param mayBePrivate whether the caller may have the hosts of `privateHosts`
   * @returns whether it is one of those
   * @throws HeimdexError SOURCE_UNSUPPORTED, SOURCE_ADDRESS_REFUSED */
  async check(url: URL, mayBePrivate: boolean): Promise<boolean> {
    const { privateHosts } = this.#options;
    const isNamed = mayBePrivate && privateHosts.some((host) => host === url.host || host === url.hostname);
    if (url.protocol !== "https:" && !(isNamed && url.protocol === "http:"))
      throw new HeimdexError("SOURCE_UNSUPPORTED", `${url.origin} is not read: only https:// is`, {
        metadata: { host: url.host },
        help: "Give an https:// address. Plain http:// is for hosts that the server's HEIMDEX_SOURCES_PRIVATE_HOSTS names.",
      });
    // An address in place of a name is connected to without a look-up.
    if (!isNamed && isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) await publicAddresses(url, async () => []);
    return isNamed;
  }

  /** GET, redirects followed. The body is unread: the caller reads or destroys it.
   * @param mayBePrivate whether the caller may have the hosts of `privateHosts`
   * @throws HeimdexError SOURCE_ADDRESS_REFUSED, SOURCE_UNAVAILABLE, SOURCE_UNREADABLE, SOURCE_UNSUPPORTED */
  async get(
    url: URL,
    headers: http.OutgoingHttpHeaders,
    mayBePrivate: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    // A stranger's server must not lead to hosts of one's own.
    const isOwn = await this.check(url, mayBePrivate);
    let at = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#send(at, headers, isOwn, signal);
      const status = response.statusCode ?? 0;
      const { location } = response.headers;
      if (!REDIRECTS.has(status) || location === undefined) return { response, status };
      response.destroy();
      if (!URL.canParse(location, at.href))
        throw new HeimdexError("SOURCE_UNREADABLE", `${url.href} leads to what is no address`);
      at = new URL(location, at);
    }
    throw new HeimdexError(
      "SOURCE_UNREADABLE",
      `${url.href} leads from one address to the next more than ${MAX_REDIRECTS} times`,
      {
        help: "Give the address that it ends at.",
      },
    );
  }

  async #send(
    url: URL,
    headers: http.OutgoingHttpHeaders,
    mayBePrivate: boolean,
    signal: AbortSignal | undefined,
  ): Promise<http.IncomingMessage> {
    const isNamed = await this.check(url, mayBePrivate);
    const isTls = url.protocol === "https:";
    const { http: plain, https: tls } = isNamed ? this.#open : this.#guarded;
    const { silenceMs } = this.#options;
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const options = {
        headers: { "accept-encoding": "identity", ...headers },
        ...(signal === undefined ? {} : { signal }),
      };
      const request = isTls
        ? https.get(url, { ...options, agent: tls }, resolve)
        : http.get(url, { ...options, agent: plain }, resolve);
      request.setTimeout(silenceMs, () => request.destroy(new Silence("it", silenceMs)));
      request.once("error", (reason) => reject(signal?.aborted ? signal.reason : fromConnection(reason, url.host)));
    });
  }
}

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/** @param addressesOf where connections to a name may go */
function agents(addressesOf: Resolve): Agents {
  const options = { keepAlive: true, lookup: lookupBy(addressesOf) };
  return { http: new http.Agent(options), https: new https.Agent(options) };
}

function lookupBy(addressesOf: Resolve): LookupFunction {
  return (name, options, done) => {
    addressesOf(name).then(
      (addresses) => {
        const [first = ""] = addresses;
        if (options.all === true)
          done(
            null,
            addresses.map((address) => ({ address, family: isIP(address) })),
          );
        else done(null, first, isIP(first));
      },
      (reason: NodeJS.ErrnoException) => done(reason, "", 0),
    );
  };
}
