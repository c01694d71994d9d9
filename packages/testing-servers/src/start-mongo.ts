import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";
import { Wait } from "testcontainers";
import { IMAGES } from "./images.ts";
import { ServerContainer } from "./server-container.ts";

export interface MongoServer extends AsyncDisposable {
  /** With user and password; it names no database. */
  readonly url: string;
  readonly container: ServerContainer;
}

/** MongoDB with authentication on. */
export async function startMongo(): Promise<MongoServer> {
  const password = randomBytes(16).toString("hex");
  const container = await ServerContainer.start({
    image: IMAGES.mongo,
    environment: { MONGO_INITDB_ROOT_USERNAME: "root", MONGO_INITDB_ROOT_PASSWORD: password },
    port: 27017,
    ready: Wait.forLogMessage(/waiting for connections/i),
  });
  const url = `mongodb://root:${password}@${container.host}:${container.port}/?authSource=admin`;
  // The first start creates the user on a server that listens within the container only, and starts another one then.
  await using client = new MongoClient(url, { serverSelectionTimeoutMS: 120_000 });
  await client.db("admin").command({ ping: 1 });
  return { url, container, [Symbol.asyncDispose]: () => container[Symbol.asyncDispose]() };
}
