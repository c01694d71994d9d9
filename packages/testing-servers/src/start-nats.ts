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
  /** The server is killed, and has stored nothing when it is started again. */
  killAndWipe(): Promise<void>;
}

const STORE = "/data/jetstream";

/** NATS with JetStream, unless told otherwise, and authentication on. */
export async function startNats({ jetstream = true } = {}): Promise<NatsServer> {
  const user = "heimdex";
  const password = randomBytes(16).toString("hex");
  const container = await ServerContainer.start({
    image: IMAGES.nats,
    command: ["--user", user, "--pass", password, ...(jetstream ? ["--jetstream", "--store_dir", STORE] : [])],
    port: 4222,
    ready: Wait.forLogMessage(/Server is ready/),
  });
  return {
    url: `nats://${container.host}:${container.port}`,
    user,
    password,
    container,
    async killAndWipe() {
      await container.exec(["rm", "-rf", STORE]);
      await container.kill();
    },
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  };
}
