import { randomBytes } from "node:crypto";
import { Wait } from "testcontainers";
import { IMAGES } from "./images.ts";
import { ServerContainer } from "./server-container.ts";

export interface NatsServer extends AsyncDisposable {
  /** `nats://host:port`, without the credentials. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly container: ServerContainer;
}

/** NATS with authentication on. It stores nothing. */
export async function startNats(): Promise<NatsServer> {
  const user = "heimdex";
  const password = randomBytes(16).toString("hex");
  const container = await ServerContainer.start({
    image: IMAGES.nats,
    command: ["--user", user, "--pass", password],
    port: 4222,
    ready: Wait.forLogMessage(/Server is ready/),
  });
  return {
    url: `nats://${container.host}:${container.port}`,
    user,
    password,
    container,
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  };
}
