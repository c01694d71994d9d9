import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { gatewayConfig } from "./config.ts";
import { startGateway } from "./gateway.ts";
import { ask, openGateway, quiet } from "./testing.ts";

async function occupy(t: TestContext): Promise<number> {
  const server: Server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("port 0 takes free ports, and says which", async (t) => {
  const gateway = await openGateway(t);
  assert.match(gateway.httpAddress, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.match(gateway.grpcAddress, /^127\.0\.0\.1:[1-9]\d*$/);
});

for (const which of ["http", "grpc"] as const) {
  test(`${which}: a port in use is named, with what to do, and nothing is left listening`, async (t) => {
    const { ports } = await openGateway(t);
    const port = await occupy(t);
    const other = which === "http" ? "grpc" : "http";
    const free = await occupy(t).then(() => 0);
    const config = gatewayConfig.parse({ [which]: { port }, [other]: { port: free } });
    const start = () => startGateway(ports, config, quiet([]), new AbortController().signal);
    await assert.rejects(start(), (error: HeimdexError) => {
      assert.equal(error.id, "PORT_IN_USE");
      assert.equal(error.metadata.port, String(port));
      assert.match(error.message, new RegExp(`${port}`));
      assert.match(error.help, /Stop the program on port/);
      return true;
    });
  });

  test(`${which}: will not listen beyond this machine`, async (t) => {
    const { ports } = await openGateway(t);
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "films.example"]) {
      const config = gatewayConfig.parse({ http: { port: 0 }, grpc: { port: 0 }, [which]: { host, port: 0 } });
      await assert.rejects(
        startGateway(ports, config, quiet([]), new AbortController().signal),
        (error: unknown) => error instanceof HeimdexError && error.id === "NOT_LOOPBACK",
        host,
      );
    }
  });
}

test("where keys are asked for it listens beyond this machine, whatever name it is called by, and answers no one without a key", async (t) => {
  const adminKey = "the-admin-key-of-this-configuration";
  const every = { host: "0.0.0.0" };
  const gateway = await openGateway(t, { auth: { required: true, adminKey }, http: every, grpc: every });
  const address = `127.0.0.1:${gateway.httpAddress.split(":")[1]}`;
  const headers = { host: "films.example", authorization: `Bearer ${adminKey}` };
  assert.equal((await ask(address, "/v1/status", { headers })).status, 200);
  assert.equal((await ask(address, "/v1/status")).status, 401);
});

test("localhost is listened on by name", async (t) => {
  const gateway = await openGateway(t, { http: { host: "localhost" }, grpc: { host: "localhost" } });
  assert.equal((await ask(gateway.httpAddress, "/healthz")).status, 200);
});

test("it stops with its signal, once, and its ports stay the caller's", async (t) => {
  const { ports } = await openGateway(t);
  const stop = new AbortController();
  const config = gatewayConfig.parse({ http: { port: 0 }, grpc: { port: 0 } });
  const gateway = await startGateway(ports, config, quiet([]), stop.signal);
  assert.equal((await ask(gateway.httpAddress, "/healthz")).status, 200);
  stop.abort();
  await gateway.stopped;
  await assert.rejects(ask(gateway.httpAddress, "/healthz"), { code: "ECONNREFUSED" });
  await gateway[Symbol.asyncDispose]();
  assert.equal(await ports.catalog.count("jobs"), 0);
});

test("it does not start with a signal that has aborted", async (t) => {
  const { ports } = await openGateway(t);
  const config = gatewayConfig.parse({ http: { port: 0 }, grpc: { port: 0 } });
  await assert.rejects(startGateway(ports, config, quiet([]), AbortSignal.abort()), { name: "AbortError" });
});

test("the configuration comes from text as well", () => {
  const config = gatewayConfig.parse({
    http: { port: "9000", allowedHosts: "films.example,proxy:443" },
    reflection: "false",
  });
  assert.deepEqual(
    [config.http.port, config.http.allowedHosts, config.reflection, config.grpc.port],
    [9000, ["films.example", "proxy:443"], false, 8481],
  );
  assert.throws(() => gatewayConfig.parse({ http: { port: 70_000 } }));
  assert.throws(() => gatewayConfig.parse({ nonsense: 1 }));
});
