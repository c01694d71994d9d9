import { HeimdexError } from "@heimdex/errors";
import type { Bus } from "@heimdex/ports";
import { z } from "zod";

/** Subject of the interactive lane, and the JSON that the stage behind it speaks. */
const SUBJECT = "interactive.embed.text";
const embedded = z.object({
  space: z.string().min(1),
  vector: z.array(z.number()),
  known: z.array(z.string()),
  unknown: z.array(z.string()),
});

/** What became of a query in the embedding space that the index's rows are in. */
export interface QueryVector {
  readonly space: string;
  /** L2-normalised; empty when no word of the query is known to the model. */
  readonly vector: Float32Array;
  /** Words the model knows, and those it does not. */
  readonly known: readonly string[];
  readonly unknown: readonly string[];
}

/** A vector, or why there is none: no failure of the search, which then answers without. */
export type Embedding =
  | { readonly kind: "embedded"; readonly query: QueryVector }
  | { readonly kind: "left-out"; readonly reason: string };

/** Turns queries into vectors through whoever serves the interactive lane. Vectors asked for lately are kept for `ttlMs`: paging and repeated
 * searches then wait for nobody. They are kept no longer, as a new model brings a new space. */
export class QueryEmbedder {
  readonly #bus: Bus;
  readonly #timeoutMs: number;
  readonly #capacity: number;
  readonly #ttlMs: number;
  readonly #kept = new Map<string, { readonly query: QueryVector; readonly untilMs: number }>();

  constructor(bus: Bus, options: { readonly timeoutMs: number; readonly capacity?: number; readonly ttlMs?: number }) {
    this.#bus = bus;
    this.#timeoutMs = options.timeoutMs;
    this.#capacity = options.capacity ?? 256;
    this.#ttlMs = options.ttlMs ?? 60_000;
  }

  /** @throws `signal.reason` when aborted; nothing else */
  async embed(text: string, signal: AbortSignal): Promise<Embedding> {
    const kept = this.#kept.get(text);
    if (kept !== undefined && kept.untilMs > Date.now()) {
      this.#keep(text, kept); // to the young end
      return { kind: "embedded", query: kept.query };
    }
    const request = Buffer.from(JSON.stringify({ text })).toString("base64");
    let reply: unknown;
    try {
      reply = await this.#bus.request(SUBJECT, { request }, { timeoutMs: this.#timeoutMs, signal });
    } catch (reason) {
      signal.throwIfAborted();
      return { kind: "left-out", reason: this.#reasonOf(HeimdexError.from(reason)) };
    }
    const query = decodeReply(reply);
    if (query === undefined) return { kind: "left-out", reason: "meaning: the embedder's answer could not be read" };
    this.#keep(text, { query, untilMs: Date.now() + this.#ttlMs });
    return { kind: "embedded", query };
  }

  #keep(text: string, entry: { readonly query: QueryVector; readonly untilMs: number }): void {
    this.#kept.delete(text);
    this.#kept.set(text, entry);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > this.#capacity && oldest.done !== true) this.#kept.delete(oldest.value);
  }

  #reasonOf(error: HeimdexError): string {
    switch (error.id) {
      case "BUS_TIMEOUT":
      case "DEADLINE_EXCEEDED":
        return `meaning: the query's vector did not come within ${this.#timeoutMs} ms`;
      case "BUS_NO_RESPONDER":
      case "NO_WORKER":
        return "meaning: no worker embeds queries just now";
      default:
        return `meaning: ${error.id}: ${error.message}`;
    }
  }
}

/** Undefined when it is not what the protocol says. */
function decodeReply(reply: unknown): QueryVector | undefined {
  const envelope = z.object({ response: z.base64() }).safeParse(reply);
  if (!envelope.success) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(envelope.data.response, "base64").toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const parsed = embedded.safeParse(json);
  if (!parsed.success) return undefined;
  return { ...parsed.data, vector: Float32Array.from(parsed.data.vector) };
}
