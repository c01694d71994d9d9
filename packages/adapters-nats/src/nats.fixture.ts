import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { HeimdexError } from "@heimdex/errors";
import { withId } from "@heimdex/ports/conformance";
import { type NatsServer, startNats } from "@heimdex/testing-servers";
import { NatsBus } from "./nats-bus.ts";

/** Test code only. */
export const OPTIONS = { timeout: 300_000 };
export const unavailable = withId("BUS_UNAVAILABLE");

/** A server for the length of a test. */
export async function newServer(t: TestContext, options?: Parameters<typeof startNats>[0]): Promise<NatsServer> {
  const server = await startNats(options);
  t.after(() => server[Symbol.asyncDispose]());
  return server;
}

export async function open(t: TestContext, server: NatsServer, timeoutMs = 5_000): Promise<NatsBus> {
  const { url: servers, user, password } = server;
  const bus = await NatsBus.open({ servers, user, password, timeoutMs, onError: () => {} });
  t.after(() => bus[Symbol.asyncDispose]());
  return bus;
}

/** Calls until it is answered again: while the server is away with BUS_UNAVAILABLE, before the other side is back with BUS_NO_RESPONDER. */
export async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if ((error as HeimdexError).id !== "BUS_NO_RESPONDER" && (error as HeimdexError).id !== "BUS_TIMEOUT")
        unavailable(error);
      await sleep(20); // lets the connection's own events through
    }
  }
}
