import { randomUUID } from "node:crypto";
import { after, before, type TestContext } from "node:test";
import { busConformance } from "@heimdex/ports/conformance";
import { type NatsServer, startNats } from "@heimdex/testing-servers";
import { NatsBus } from "./nats-bus.ts";

let server: NatsServer;
before(async () => {
  server = await startNats();
});
after(() => server[Symbol.asyncDispose]());

busConformance("NatsBus", async (t: TestContext) => {
  const errors: unknown[] = [];
  const { url: servers, user, password } = server;
  const prefix = randomUUID();
  const connect = async () => {
    const bus = await NatsBus.open({ servers, user, password, prefix, onError: (error) => errors.push(error) });
    t.after(() => bus[Symbol.asyncDispose]());
    return bus;
  };
  return { bus: await connect(), peer: await connect(), errors };
});
