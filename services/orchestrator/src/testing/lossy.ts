import type { Bus } from "@heimdex/ports";

/** The bus, but that hints are lost: what is published under any of these beginnings. Requests come through. Test code only. */
export function lossy(bus: Bus, ...lost: readonly string[]): Bus & { reconnect(): void } {
  const handlers = new Set<() => void>();
  return {
    publish: async (subject, payload) => {
      if (!lost.some((beginning) => subject.startsWith(beginning))) await bus.publish(subject, payload);
    },
    subscribe: (subject, handler, options) => bus.subscribe(subject, handler, options),
    request: (subject, payload, options) => bus.request(subject, payload, options),
    respond: (subject, handler) => bus.respond(subject, handler),
    onReconnect: (handler) => {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
    /** Says that it was away and is back. */
    reconnect: () => {
      for (const handler of handlers) handler();
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}
