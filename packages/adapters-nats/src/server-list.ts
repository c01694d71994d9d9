import { HeimdexError } from "@heimdex/errors";

/** Servers of one cluster, and whether they are to be spoken to by TLS only. */
export interface ServerList {
  /** `host:port` each. */
  readonly servers: readonly string[];
  readonly tls: boolean;
}

/** Reads `nats://a:4222,nats://b:4222`. The port may be missing (4222), and the scheme, which is "nats" then; with `tls://` a server without TLS is
 * refused.
 * @throws HeimdexError CONFIG_INVALID for another scheme, schemes that are mixed, and credentials, which it does not repeat */
export function parseServers(text: string): ServerList {
  const parts = text.split(",").map((part) => part.trim());
  const schemes = new Set(parts.map((part) => /^([a-z+]+):\/\//i.exec(part)?.[1]?.toLowerCase() ?? "nats"));
  const [scheme] = schemes;
  if (schemes.size !== 1 || (scheme !== "nats" && scheme !== "tls"))
    throw invalid(`the schemes ${[...schemes].join(" and ")} are not one of nats and tls`);
  const servers = parts.map((part) => part.replace(/^\w+:\/\//, ""));
  if (servers.some((server) => server.includes("@")))
    throw invalid("there are credentials in them, which belong into user and password");
  if (!servers.every((server) => /^[^\s/?#]+$/.test(server))) throw invalid("one is not HOST:PORT");
  return { servers, tls: scheme === "tls" };
}

function invalid(what: string): HeimdexError {
  return new HeimdexError("CONFIG_INVALID", `the addresses of NATS are not as they must be: ${what}`, {
    help: "nats://HOST:4222, or tls://HOST:4222; several separated by commas",
  });
}
