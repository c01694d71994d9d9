import { type ErrorId, HeimdexError } from "@heimdex/errors";
import { z } from "zod";

const TIMEOUT_MS = 10_000;
/** Of what a server says against a request; the rest is not for a log. */
const SAID_CHARS = 500;

interface JsonRequest {
  readonly method?: "GET" | "PATCH";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Asks for JSON of a known form.
 * @param what for people, and what to do when it fails: both go into the error
 * @throws HeimdexError UNAVAILABLE (no answer, or one to try again after), UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND, POOL_CHANGED, INTERNAL */
export async function fetchJson<S extends z.ZodType>(
  schema: S,
  url: string,
  request: JsonRequest,
  { what, help }: { readonly what: string; readonly help: string },
): Promise<z.output<S>> {
  const { method = "GET", headers, body } = request;
  const failed = (id: ErrorId, why: string, cause?: unknown) =>
    new HeimdexError(id, `${what} (${method} ${url}): ${why}`, { help, cause });
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: "error", // a key goes nowhere but where it was meant to
    });
    text = await response.text();
  } catch (reason) {
    throw failed("UNAVAILABLE", whyOf(reason), reason);
  }
  if (!response.ok) throw failed(idOf(response.status), `${response.status} ${text.slice(0, SAID_CHARS)}`);
  const parsed = schema.safeParse(jsonOf(text));
  if (!parsed.success) throw failed("INTERNAL", `an answer that was not expected: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** What is no JSON fits no schema. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` itself says no more than "fetch failed". */
function whyOf(reason: unknown): string {
  const { message, cause } = reason as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function idOf(status: number): ErrorId {
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 403) return "PERMISSION_DENIED";
  if (status === 404) return "NOT_FOUND";
  if (status === 409) return "POOL_CHANGED";
  return status === 429 || status >= 500 ? "UNAVAILABLE" : "INTERNAL";
}
