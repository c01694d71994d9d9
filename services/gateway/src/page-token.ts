import { createHash } from "node:crypto";
import type { z } from "zod";
import type { Violations } from "./violations.ts";

/** Makes a page token: opaque to callers, and bound to `scope`, the request it continues. What it holds is no secret and is checked when it comes back. */
export function encodePageToken(scope: unknown, state: unknown): string {
  return Buffer.from(JSON.stringify([1, digest(scope), state])).toString("base64url");
}

/** What a page token holds; undefined for the first page. A token that is malformed or belongs to another request is noted in `violations`. */
export function decodePageToken<T>(
  token: string,
  scope: unknown,
  state: z.ZodType<T>,
  violations: Violations,
): T | undefined {
  if (token === "") return undefined;
  const parsed = token.length > 4096 ? undefined : parse(token);
  if (!Array.isArray(parsed) || parsed.length !== 3 || parsed[0] !== 1) {
    violations.add("page_token", "is not one that was given out");
    return undefined;
  }
  if (parsed[1] !== digest(scope)) {
    violations.add("page_token", "belongs to another request: all other fields but page_size must stay as they were");
    return undefined;
  }
  const result = state.safeParse(parsed[2]);
  if (result.success) return result.data;
  violations.add("page_token", "is not one that was given out");
  return undefined;
}

function parse(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function digest(scope: unknown): string {
  return createHash("sha256").update(JSON.stringify(scope)).digest("base64url").slice(0, 16);
}
