/** Codes of Node that mean a connection that could not be made or was lost. */
const LOST: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"],
  ...["ECONNABORTED", "ERR_STREAM_PREMATURE_CLOSE", "HEIMDEX_SILENCE"],
]);

/** Codes of Node for a certificate that is not trusted, and for TLS spoken to a server without it. */
const UNTRUSTED = /CERT|^UNABLE_TO_|^EPROTO$|^ERR_(SSL|TLS)_/;

/** Whether a code of Node means a connection that could not be made or was lost. */
export function isLostConnection(code: string): boolean {
  return LOST.has(code);
}

/** Whether a code of Node means a server that TLS does not trust, or that does not speak it. */
export function isUntrusted(code: string): boolean {
  return UNTRUSTED.test(code);
}

/** Ends a connection whose other side says nothing any more: it counts as lost. */
export class Silence extends Error {
  readonly code = "HEIMDEX_SILENCE";

  /** @param who for people: `the store` */
  constructor(who: string, silenceMs: number) {
    super(`${who} was silent for ${silenceMs} ms`);
  }
}
