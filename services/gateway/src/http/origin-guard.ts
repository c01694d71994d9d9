import type { IncomingMessage } from "node:http";
import { isLoopback } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";

/** Refuses what a web page from elsewhere could make a browser send to a server on loopback:
 * - a name of the attacker's that resolves to 127.0.0.1 (DNS rebinding) shows in `Host`;
 * - a request by script or form from another page shows in `Origin` (`null` from sandboxed ones);
 * - a picture, film or script of ours embedded there has no `Origin`, but shows in `Sec-Fetch-Site`; so does another port of this machine.
 * Following a link to us (a navigation by GET) is fine: the page that links learns nothing.
 * gRPC needs none of this: it is HTTP/2 without TLS by prior knowledge, which no browser can be made to speak.
 * @param port the port listened on
 * @param allowedHosts further names, as `name` (any port) or `name:port`
 * @throws HeimdexError ORIGIN_REFUSED */
export function checkOrigin(
  request: Pick<IncomingMessage, "headers" | "method">,
  port: number,
  allowedHosts: readonly string[],
): void {
  const { host, origin } = request.headers;
  if (host === undefined || !isOwnHost(host, port, allowedHosts)) throw refused("host", host ?? "");
  if (origin !== undefined && !isOwnOrigin(origin, host)) throw refused("origin", origin);
  const site = request.headers["sec-fetch-site"];
  if (site !== "cross-site" && site !== "same-site") return;
  const link = request.headers["sec-fetch-mode"] === "navigate" && request.headers["sec-fetch-dest"] === "document";
  if (!link || (request.method !== "GET" && request.method !== "HEAD")) throw refused("sec-fetch-site", site);
}

function isOwnHost(host: string, port: number, allowedHosts: readonly string[]): boolean {
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?$/.exec(host.toLowerCase());
  if (parts === null) return false;
  const [, name = "", given] = parts;
  if (allowedHosts.includes(name) || allowedHosts.includes(`${name}:${given ?? "80"}`)) return true;
  if (Number(given ?? "80") !== port) return false;
  return name === "localhost" || isLoopback(name.replace(/^\[|\]$/g, ""));
}

/** The page's own address must be the one it calls; https too, for a proxy in front that ends TLS. */
function isOwnOrigin(origin: string, host: string): boolean {
  const own = host.toLowerCase();
  return origin === `http://${own}` || origin === `https://${own}` || origin === `http://${own.replace(/:80$/, "")}`;
}

function refused(header: string, value: string): HeimdexError {
  const shown = value.slice(0, 200);
  return new HeimdexError("ORIGIN_REFUSED", `a request with ${header} ${JSON.stringify(shown)} is refused`, {
    metadata: { header, value: shown },
  });
}
