import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { startNats } from "./start-nats.ts";

/** What the server says first, "" when nobody accepts, or only Docker's proxy does. */
async function greeting(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once("data", (data) => resolve(data.toString()));
  socket.once("error", () => resolve(""));
  socket.once("close", () => resolve(""));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

test("a server that is killed comes back at the same address", { timeout: 120_000 }, async () => {
  await using server = await startNats();
  const { container } = server;
  const { host, port } = container;
  assert.match(await greeting(host, port), /^INFO .*"auth_required":true/);
  await container.kill();
  await container.start();
  let said = "";
  while (said === "") said = await greeting(host, port);
  assert.match(said, /^INFO /);
  await server[Symbol.asyncDispose]();
  assert.equal(await greeting(host, port), "");
});
