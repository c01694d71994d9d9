import { HeimdexError } from "@heimdex/errors";
import type { Bus } from "@heimdex/ports";

/** The JSON side of generated message code. */
export interface JsonCodec<T> {
  fromJSON(object: unknown): T;
  toJSON(message: T): unknown;
}

/** Passes calls that change something to the orchestrator: request-reply on `api.<Service>.<Method>`, payload `{tenant, request}`, request and
 * reply in proto3 JSON. Its HeimdexErrors come through as it threw them. */
export class OrchestratorClient {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async call<Request, Reply>(
    method: `${string}.${string}`,
    request: readonly [JsonCodec<Request>, Request],
    reply: JsonCodec<Reply>,
    options: { readonly tenant: string; readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<Reply> {
    const [codec, message] = request;
    const { tenant } = options;
    const payload = { tenant, request: codec.toJSON(message) };
    try {
      return reply.fromJSON((await this.#bus.request(`api.${method}`, payload, options)) ?? {});
    } catch (reason) {
      if (reason instanceof HeimdexError && reason.id === "BUS_NO_RESPONDER")
        throw new HeimdexError("UNAVAILABLE", `${method}: the orchestrator is not up`, {
          cause: reason,
          retryAfterMs: 1_000,
        });
      if (reason instanceof HeimdexError && reason.id === "BUS_TIMEOUT")
        throw new HeimdexError("DEADLINE_EXCEEDED", `${method}: no answer within ${options.timeoutMs} ms`, {
          cause: reason,
        });
      throw reason;
    }
  }
}
