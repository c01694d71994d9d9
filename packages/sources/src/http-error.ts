import { HeimdexError, isLostConnection, isUntrusted } from "@heimdex/errors";

/** What broke a connection, as one of ours. @param host for people */
export function fromConnection(reason: unknown, host: string): HeimdexError {
  if (reason instanceof HeimdexError) return reason;
  const { code = "", message = "" } = (reason ?? {}) as { code?: string; message?: string };
  const options = { cause: reason, metadata: { host } };
  if (isLostConnection(code) || /^(aborted|socket hang up)$/.test(message))
    return new HeimdexError("SOURCE_UNAVAILABLE", `${host} cannot be reached just now: ${message || code}`, options);
  if (isUntrusted(code))
    return new HeimdexError("SOURCE_UNREADABLE", `${host} shows no certificate that is trusted: ${message}`, {
      ...options,
      help: "Name the authority of its certificate in NODE_EXTRA_CA_CERTS of gateway and orchestrator.",
    });
  if (code.startsWith("HPE_"))
    return new HeimdexError("SOURCE_UNREADABLE", `${host} does not answer as HTTP does: ${message}`, {
      ...options,
      help: "Check the address.",
    });
  return HeimdexError.from(reason);
}

/** Why an answer is not the film. @param uri as it was asked for */
export function fromStatus(status: number, uri: string, retryAfter: string | undefined): HeimdexError {
  const metadata = { source: uri, status: String(status) };
  if (status === 404 || status === 410)
    return new HeimdexError("SOURCE_NOT_FOUND", `there is nothing at ${uri} (${status})`, { metadata });
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const seconds = Number(retryAfter);
    return new HeimdexError("SOURCE_UNAVAILABLE", `${uri} is not given just now (${status})`, {
      metadata,
      ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}),
    });
  }
  const why = status === 401 || status === 403 ? "its server refuses it" : "its server does not give it";
  return new HeimdexError("SOURCE_UNREADABLE", `${uri} cannot be read: ${why} (${status})`, {
    metadata,
    help: "Give an address that can be read without logging in.",
  });
}
