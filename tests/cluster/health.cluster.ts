import assert from "node:assert/strict";
import { test } from "node:test";
import { SearchServiceDefinition } from "@heimdex/contracts/v1/search";
import { createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { until } from "../until.ts";
import { Cluster } from "./services.fixture.ts";

/** Of grpc.health.v1. */
const [SERVING, NOT_SERVING] = [1, 2];

test("gateway and orchestrator do not serve while MongoDB or MinIO is away, do without NATS, and say so once", async (t) => {
  const cluster = await Cluster.start(t);
  const [gateway, orchestrator] = await Promise.all([cluster.service("gateway"), cluster.service("orchestrator")]);
  const services = [gateway, orchestrator];
  const clients = services.map((service) => createClient(HealthDefinition, cluster.channel(service)));
  const stand = async () => {
    const grpc = await Promise.all(clients.map(async (client) => (await client.check({ service: "" })).status));
    const http = await fetch(`http://${gateway.http}/healthz`);
    const said = (await http.json()) as { status: string; missing?: string[] };
    return { grpc, http: http.status, missing: said.missing ?? [] };
  };
  const becomes = (what: string, wanted: Awaited<ReturnType<typeof stand>>) =>
    until(what, async () => {
      const now = await stand();
      return JSON.stringify(now) === JSON.stringify(wanted) ? true : undefined;
    });
  const allSaid = (what: string) =>
    until(`both say: ${what}`, async () =>
      services.every(({ logged }) => logged.some(({ msg }) => msg.startsWith(what))) ? true : undefined,
    );
  const whole = { grpc: [SERVING, SERVING], http: 200, missing: [] };
  await becomes("all serve", whole);

  for (const [name, server] of [
    ["catalog", cluster.mongo],
    ["blob store", cluster.minio],
  ] as const)
    for (const how of ["paused", "killed"] as const) {
      const { container } = server;
      await (how === "paused" ? container.pause() : container.kill());
      const away = { grpc: [NOT_SERVING, NOT_SERVING], http: 503, missing: [name] };
      await becomes(`none serves, the ${name} ${how}`, away);
      assert.equal((await fetch(`http://${gateway.http}/livez`)).status, 200);
      await (how === "paused" ? container.resume() : container.start());
      await becomes(`all serve, the ${name} no more ${how}`, whole);
    }

  await cluster.nats.container.pause();
  await becomes("NATS is missed", { ...whole, missing: ["bus"] });
  await allSaid("the bus does not answer");
  const search = createClient(SearchServiceDefinition, cluster.channel(gateway));
  assert.deepEqual((await search.search({ query: "the ferry" })).results, []);
  await cluster.nats.container.resume();
  await becomes("NATS is missed no more", whole);
  await allSaid("the bus answers again");

  for (const { name, logged } of services) {
    const lines = logged.filter(({ msg }) => /does not answer|answers again/.test(msg)).map(({ msg }) => msg);
    const gone = (server: string, meanwhile: string) => [
      `the ${server} does not answer: ${meanwhile} until it is back`,
      `the ${server} answers again`,
    ];
    assert.deepEqual(
      lines,
      [
        gone("catalog", "not serving"),
        gone("catalog", "not serving"),
        gone("blob store", "not serving"),
        gone("blob store", "not serving"),
        gone("bus", "serving with less"),
      ].flat(),
      name,
    );
  }
  for (const service of services) assert.equal(await service.stop(), 0);
});
