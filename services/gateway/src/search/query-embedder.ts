import { createHash } from "node:crypto";
import { HeimdexError } from "@heimdex/errors";
import type { Bus } from "@heimdex/ports";
import { z } from "zod";

/** The JSON that the stages behind the interactive lane answer with. */
const embedded = z.object({
  space: z.string(),
  model: z.string().default(""),
  vector: z.array(z.number()),
  known: z.array(z.string()).optional(),
  unknown: z.array(z.string()).optional(),
});

/** What a query is embedded of, and by which stage: its words for what moments mean or for what pictures show, or a picture. */
export type Question =
  | { readonly stage: "embed.text" | "embed.image"; readonly text: string }
  | { readonly stage: "embed.image"; readonly image: Uint8Array };

/** What became of a query in an embedding space of the index's rows. */
export interface QueryVector {
  /** Id of the space; "" where it has no side for such a question. */
  readonly space: string;
  readonly model: string;
  /** L2-normalised; empty when nothing can be said, as when no word of the query is known to the model. */
  readonly vector: Float32Array;
  /** Of a model of words: those it knows, and those it does not. */
  readonly words?: { readonly known: readonly string[]; readonly unknown: readonly string[] };
}

/** A vector, or why there is none: no failure of the search, which then answers without. */
export type Embedding =
  | { readonly kind: "embedded"; readonly query: QueryVector }
  | { readonly kind: "left-out"; readonly reason: string };

export interface EmbedderOptions {
  /** How long the vector of words is waited for. */
  readonly timeoutMs: number;
  /** The same of a picture. */
  readonly pictureTimeoutMs: number;
  /** Vectors kept at most. Default 256. */
  readonly capacity?: number;
  /** How long they are kept. Default 60,000. */
  readonly ttlMs?: number;
}

/** Turns queries into vectors through whoever serves the interactive lane. Vectors asked for lately are kept for `ttlMs`: paging and repeated
 * searches then wait for nobody, and a space of pictures that takes no words is not asked each time. They are kept no longer, as a new model
 * brings a new space. */
export class QueryEmbedder {
  readonly #bus: Bus;
  readonly #options: EmbedderOptions;
  readonly #capacity: number;
  readonly #ttlMs: number;
  readonly #kept = new Map<string, { readonly query: QueryVector; readonly untilMs: number }>();

  constructor(bus: Bus, options: EmbedderOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#capacity = options.capacity ?? 256;
    this.#ttlMs = options.ttlMs ?? 60_000;
  }

  /** @param tenant whose question it is: what is kept of one tenant's is not given to another
   * @param space in which the answer has to be; undefined: the stage's own
   * @throws HeimdexError IMAGE_UNREADABLE where the stage refuses the picture; `signal.reason` when aborted; nothing else */
  async embed(tenant: string, question: Question, space: string | undefined, signal: AbortSignal): Promise<Embedding> {
    const key = keyOf(tenant, question, space);
    const wordlessKey = `${tenant} ${question.stage} ${space} takes no words`;
    const kept = this.#find(wordlessKey, "text" in question) ?? this.#find(key);
    if (kept !== undefined) return { kind: "embedded", query: kept };
    const asked =
      "text" in question ? { text: question.text } : { image: Buffer.from(question.image).toString("base64") };
    const request = Buffer.from(JSON.stringify({ ...asked, ...(space === undefined ? {} : { space }) }));
    let reply: unknown;
    try {
      reply = await this.#bus.request(
        `interactive.${question.stage}`,
        { tenant, request: request.toString("base64") },
        { timeoutMs: this.#timeoutOf(question), signal },
      );
    } catch (reason) {
      signal.throwIfAborted();
      const error = HeimdexError.from(reason);
      if ("image" in question && error.id === "INVALID_ARGUMENT")
        throw new HeimdexError("IMAGE_UNREADABLE", error.message, { cause: error });
      return { kind: "left-out", reason: this.#reasonOf(question, error) };
    }
    const query = decodeReply(reply);
    if (query === undefined)
      return { kind: "left-out", reason: `${matterOf(question)}: the embedder's answer could not be read` };
    const wordless = "text" in question && query.space === "";
    this.#keep(wordless ? wordlessKey : key, query);
    return { kind: "embedded", query };
  }

  #timeoutOf(question: Question): number {
    return "image" in question ? this.#options.pictureTimeoutMs : this.#options.timeoutMs;
  }

  #find(key: string, applies = true): QueryVector | undefined {
    const kept = applies ? this.#kept.get(key) : undefined;
    if (kept === undefined || kept.untilMs <= Date.now()) return undefined;
    this.#kept.delete(key); // to the young end
    this.#kept.set(key, kept);
    return kept.query;
  }

  #keep(key: string, query: QueryVector): void {
    this.#kept.delete(key);
    this.#kept.set(key, { query, untilMs: Date.now() + this.#ttlMs });
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > this.#capacity && oldest.done !== true) this.#kept.delete(oldest.value);
  }

  #reasonOf(question: Question, error: HeimdexError): string {
    const matter = matterOf(question);
    switch (error.id) {
      case "BUS_TIMEOUT":
      case "DEADLINE_EXCEEDED":
        return `${matter}: the query's vector did not come within ${this.#timeoutOf(question)} ms`;
      case "BUS_NO_RESPONDER":
      case "NO_WORKER":
        return `${matter}: no worker embeds ${"image" in question ? "pictures" : "queries"} just now`;
      default:
        return `${matter}: ${error.id}: ${error.message}`;
    }
  }
}

function keyOf(tenant: string, question: Question, space: string | undefined): string {
  const asked = "text" in question ? question.text : createHash("sha256").update(question.image).digest("hex");
  return JSON.stringify([tenant, question.stage, space, "text" in question, asked]);
}

const matterOf = ({ stage }: Question): string => (stage === "embed.text" ? "meaning" : "looks");

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
  const { space, model, vector, known, unknown } = parsed.data;
  const words =
    known === undefined && unknown === undefined ? {} : { words: { known: known ?? [], unknown: unknown ?? [] } };
  return { space, model, vector: Float32Array.from(vector), ...words };
}
