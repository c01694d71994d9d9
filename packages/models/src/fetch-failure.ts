import { HeimdexError } from "@heimdex/errors";

/** Why one try to fetch something failed. */
export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
  /** Whether the next try may do better. */
  readonly transient: boolean;
  /** Of the answer, when there was one. */
  readonly status: number | undefined;
  /** Time the server asks to wait, ms. */
  readonly retryAfterMs: number | undefined;
  /** What to do about it; "" when the network is all that can be said. */
  readonly help: string;

  constructor(
    message: string,
    {
      transient,
      status,
      retryAfterMs,
      help,
      cause,
    }: { transient: boolean; status?: number; retryAfterMs?: number | undefined; help?: string; cause?: unknown },
  ) {
    super(message, { cause });
    this.transient = transient;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.help = help ?? "";
  }

  /** What an answer other than success means. `where` is the address without its query, which may hold a signature. */
  static ofStatus(status: number, where: string, headers: Readonly<Record<string, unknown>>): FetchFailure {
    const said = typeof headers["x-error-message"] === "string" ? `: ${headers["x-error-message"].slice(0, 200)}` : "";
    const message = `${where} answers ${status}${said}`;
    if (status === 401 || status === 403)
      return new FetchFailure(message, {
        transient: false,
        status,
        help: "The model is gated or private there: accept its terms on its page, make a token that may read it, and set HF_TOKEN to it.",
      });
    if (status === 404)
      return new FetchFailure(message, {
        transient: false,
        status,
        help: "See that the address is the right one (HEIMDEX_HF_ENDPOINT, HEIMDEX_MODEL_MIRROR) and that the model is still there.",
      });
    const transient = status === 408 || status === 425 || status === 429 || status >= 500;
    return new FetchFailure(message, {
      transient,
      status,
      retryAfterMs: retryAfterMs(headers["retry-after"], Date.now()),
    });
  }

  /** An error of the socket, of name look-up or of TLS. */
  static ofConnection(error: unknown, where: string): FetchFailure {
    if (error instanceof FetchFailure) return error;
    const { code = "", message } = error as NodeJS.ErrnoException;
    // A certificate is as wrong the next time.
    const transient = !/^(ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_INVALID_|HPE_INVALID_)/.test(code);
    return new FetchFailure(`${where} cannot be read (${[code, message].filter(Boolean).join(": ")})`, {
      transient,
      cause: error,
    });
  }

  /** As users see it. */
  toError(model: string): HeimdexError {
    return new HeimdexError("MODEL_FETCH_FAILED", `${model}: ${this.message}`, {
      help: `${this.help || "Check the network, or the proxy in HTTPS_PROXY and NO_PROXY."} Then run \`heimdex models pull ${model}\` again: what is there already is kept.`,
      metadata: { model },
      cause: this,
    });
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
export function retryAfterMs(header: unknown, nowMs: number): number | undefined {
  if (typeof header !== "string" || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
