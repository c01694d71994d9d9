import type { Space } from "@heimdex/sidecar";
import { StageFailure } from "@heimdex/stage-sdk";
import { z } from "zod";
import type { EmbeddedQuery } from "./text-embedder.ts";

/** What the interactive lane answers: JSON in UTF-8. */
export interface QueryVector extends EmbeddedQuery {
  /** Id of the space, and of the model that made the vector; only rows of the same space compare. Both empty when the space has no side for such queries. */
  readonly space: string;
  readonly model: string;
}

export function answerOf(space: Space | undefined, embedded: EmbeddedQuery): Uint8Array {
  const answer: QueryVector = { space: space?.id ?? "", model: space?.model ?? "", ...embedded };
  return Buffer.from(JSON.stringify(answer));
}

/** Reads a request of the interactive lane: JSON in UTF-8. Throws INPUT_REJECTED REQUEST_INVALID. */
export function parseRequest<S extends z.ZodType>(schema: S, bytes: Uint8Array, form: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new StageFailure("INPUT_REJECTED", "REQUEST_INVALID", `A query to embed must be ${form}: ${why}`, {
      help: "Send UTF-8 JSON; a text has at most 10,000 characters.",
      cause: error,
    });
  }
}
