import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { loadConfig, redacted } from "@heimdex/config";
import { job, openGateway, stage, step } from "@heimdex/gateway/testing";
import { createLog } from "@heimdex/telemetry";
import { autoscalerConfig } from "./config.ts";
import { startServer } from "./server.ts";

const KEY = "a-monitor-key-that-must-be-nowhere-in-a-log";
const TOKEN = "ya29.a-token-that-must-be-nowhere-in-a-log";
const parent = "projects/films/locations/europe-west4/workerPools";
const VISION = { name: `${parent}/stage-vision`, stages: ["vision.text"], min: 0, max: 10, concurrency: 1 };
const EMBED = { name: `${parent}/stage-embed`, stages: ["embed.text"], min: 1, max: 4, concurrency: 2 };

interface Pool {
  scaling?: { manualInstanceCount?: number };
  updateTime?: string;
  etag?: string;
}

/** Google's side: the metadata server and Cloud Run's Admin API, on loopback. `pools` are what it holds; `refuse` may answer a request otherwise. */
async function openCloud(t: TestContext, pools: Record<string, Pool>) {
  const cloud = {
    pools,
    patches: [] as { path: string; body: unknown }[],
    refuse: (_request: IncomingMessage): { status: number; body: string } | undefined => undefined,
    host: "",
  };
  const server = createServer(async (request, response) => {
    const body = (await buffer(request)).toString();
    const send = (status: number, value: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    const refused = cloud.refuse(request);
    if (refused !== undefined) return response.writeHead(refused.status).end(refused.body);
    const url = new URL(request.url ?? "", "http://cloud");
    if (url.pathname === "/computeMetadata/v1/instance/service-accounts/default/token")
      return request.headers["metadata-flavor"] === "Google"
        ? send(200, { access_token: TOKEN, expires_in: 3599, token_type: "Bearer" })
        : send(403, {});
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return send(401, {});
    const pool = cloud.pools[url.pathname.slice("/v2/".length)];
    if (pool === undefined) return send(404, { error: { code: 404, status: "NOT_FOUND" } });
    if (request.method === "GET") return send(200, pool);
    const sent = JSON.parse(body) as Pool;
    if (sent.etag !== pool.etag) return send(409, { error: { code: 409, status: "ABORTED" } });
    assert.equal(url.searchParams.get("updateMask"), "scaling.manualInstanceCount");
    pool.scaling = { ...pool.scaling, ...sent.scaling };
    cloud.patches.push({ path: url.pathname, body: sent });
    send(200, { name: "projects/films/locations/europe-west4/operations/1", done: false });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  cloud.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return cloud;
}

/** A real gateway with what waits and what is under way, and an autoscaler beside it. */
async function open(t: TestContext, pools: Record<string, Pool>, more: Record<string, string> = {}) {
  const gateway = await openGateway(t, { auth: { required: true }, monitorKey: KEY });
  const cloud = await openCloud(t, pools);
  const lines: string[] = [];
  const log = createLog("autoscaler", "debug", { write: (line) => void lines.push(line) });
  const env = {
    HEIMDEX_GATEWAY_URL: `http://${gateway.httpAddress}`,
    HEIMDEX_MONITOR_KEY: KEY,
    HEIMDEX_POOLS: JSON.stringify([VISION, EMBED]),
    HEIMDEX_RUN_URL: `http://${cloud.host}`,
    GCE_METADATA_HOST: cloud.host,
    PORT: "0",
    ...more,
  };
  const config = loadConfig(autoscalerConfig, env);
  log.info({ config: redacted(config) }, "starting");
  const server = await startServer(config, log);
  t.after(() => server[Symbol.asyncDispose]());
  const round = async () => {
    const response = await fetch(`http://127.0.0.1:${server.port}/`, { method: "POST" });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  return { gateway, cloud, lines, round };
}

const LONG_AGO = "2026-01-01T00:00:00.123456789Z";
const idle = (instances: number): Pool => ({
  scaling: { manualInstanceCount: instances },
  updateTime: LONG_AGO,
  etag: `"${instances}"`,
});

test("pools follow what the gateway says waits and is under way", async (t) => {
  const { gateway, cloud, lines, round } = await open(t, { [VISION.name]: idle(0), [EMBED.name]: idle(4) });
  for (const name of ["vision.text", "embed.text"]) await gateway.store("stages", name, stage(name), ["state:ENABLED"]);
  const lease = { id: "l", epoch: 1, session: "s", requestId: "", expiresAtMs: 0, grantedAtMs: 0, spanId: "" };
  await gateway.storeJob(job("j_1", { steps: [step("vision.text", { state: "READY" })] }));
  await gateway.storeJob(job("j_2", { steps: [step("vision.text", { state: "READY" })] }));
  await gateway.storeJob(job("j_3", { steps: [step("vision.text", { state: "LEASED", lease })] }));
  const { status, json } = await round();
  assert.deepEqual(
    [status, json.pools],
    [
      200,
      [
        { pool: VISION.name, before: 0, instances: 3, reason: "2 ready, 1 leased" },
        { pool: EMBED.name, before: 4, instances: 2, reason: "0 ready, 0 leased" },
      ],
    ],
  );
  assert.deepEqual(
    cloud.patches.sort((a, b) => a.path.localeCompare(b.path)),
    [
      {
        path: `/v2/${EMBED.name}`,
        body: { name: EMBED.name, etag: '"4"', scaling: { manualInstanceCount: 2 } },
      },
      {
        path: `/v2/${VISION.name}`,
        body: { name: VISION.name, etag: '"0"', scaling: { manualInstanceCount: 3 } },
      },
    ],
  );
  assert.doesNotMatch(lines.join(""), new RegExp(`${KEY}|${TOKEN}`));
  assert.match(lines.join(""), /from 0 to 3 instances: 2 ready, 1 leased/);
});

test("a pool that is as it should be is not touched, nor one that has just been changed made smaller", async (t) => {
  const pools = { [VISION.name]: { ...idle(5), updateTime: new Date().toISOString() }, [EMBED.name]: idle(1) };
  const { gateway, cloud, round } = await open(t, pools);
  for (const name of ["vision.text", "embed.text"]) await gateway.store("stages", name, stage(name), ["state:ENABLED"]);
  assert.equal((await round()).status, 200);
  assert.deepEqual(cloud.patches, []);
});

test("a pool without a count has none running; stages that nobody has registered get their first instance", async (t) => {
  const { cloud, round } = await open(t, { [VISION.name]: {}, [EMBED.name]: { scaling: {} } });
  assert.equal((await round()).status, 200);
  assert.deepEqual(
    [cloud.pools[VISION.name]?.scaling, cloud.pools[EMBED.name]?.scaling],
    [{ manualInstanceCount: 1 }, { manualInstanceCount: 1 }],
  );
});

test("one pool's failure is said, and the others are set all the same", async (t) => {
  const { cloud, lines, round } = await open(t, { [EMBED.name]: idle(0) });
  const { status, json } = await round();
  assert.equal(status, 500);
  assert.deepEqual(
    json.pools.map(({ pool, instances, error }: { pool: string; instances: number; error?: { id: string } }) => [
      pool,
      error?.id ?? instances,
    ]),
    [
      [VISION.name, "NOT_FOUND"],
      [EMBED.name, 1],
    ],
  );
  assert.equal(cloud.patches.length, 1);
  assert.match(lines.join(""), /"level":"error".*stage-vision.*run\.workerpools\.get/);
});

for (const [name, refuse, id] of [
  ["may not", () => ({ status: 403, body: '{"error":{"status":"PERMISSION_DENIED"}}' }), "PERMISSION_DENIED"],
  ["is in trouble", () => ({ status: 503, body: "try later" }), "UNAVAILABLE"],
  ["answers what is no JSON", () => ({ status: 200, body: "<html>" }), "INTERNAL"],
  ["answers that the operation failed", () => ({ status: 200, body: '{"error":{"message":"quota"}}' }), "INTERNAL"],
] as const)
  test(`setting a pool ${name}: said with its id, and the round has failed`, async (t) => {
    const { cloud, round } = await open(t, { [VISION.name]: idle(0), [EMBED.name]: idle(1) });
    cloud.refuse = ({ method }) => (method === "PATCH" ? refuse() : undefined);
    const { status, json } = await round();
    assert.equal(status, 500);
    assert.deepEqual([json.pools[0].error.id, json.pools[1].instances], [id, 1]);
  });

test("a pool that somebody changed meanwhile is left to them, until the next round", async (t) => {
  const { cloud, round } = await open(t, { [VISION.name]: idle(0), [EMBED.name]: idle(1) });
  let isFirst = true;
  cloud.refuse = ({ method }) => {
    if (method !== "PATCH" || !isFirst) return undefined;
    isFirst = false;
    return { status: 409, body: "etag" };
  };
  assert.equal((await round()).json.pools[0].error.id, "POOL_CHANGED");
  assert.equal((await round()).json.pools[0].instances, 1);
});

test("without knowing what waits no pool is touched", async (t) => {
  const wrong = { HEIMDEX_MONITOR_KEY: "not-the-key-of-the-gateway-it-reads" };
  const { cloud, lines, round } = await open(t, { [VISION.name]: idle(9), [EMBED.name]: idle(9) }, wrong);
  const { status, json } = await round();
  assert.deepEqual([status, json.error.id], [500, "UNAUTHENTICATED"]);
  assert.deepEqual(cloud.patches, []);
  assert.match(lines.join(""), /reading what waits.*401/);
});

test("a gateway that is away is said, with what to do", async (t) => {
  const { round } = await open(t, {}, { HEIMDEX_GATEWAY_URL: "http://127.0.0.1:1" });
  const { status, json } = await round();
  assert.deepEqual([status, json.error.id], [500, "UNAVAILABLE"]);
  assert.match(json.error.message, /reading what waits .*ECONNREFUSED|bad port/);
});

test("what is wrong with the settings is said of each", () => {
  const pools = JSON.stringify([{ ...VISION, min: 11, name: "stage-vision" }]);
  for (const [env, named] of [
    [{ HEIMDEX_POOLS: "[" }, /HEIMDEX_POOLS: JSON is expected/],
    [{ HEIMDEX_POOLS: pools }, /HEIMDEX_POOLS: /],
    [{ HEIMDEX_POOLS: "[]" }, /HEIMDEX_POOLS: .*HEIMDEX_MONITOR_KEY: |HEIMDEX_MONITOR_KEY: .*HEIMDEX_POOLS: /],
  ] as const)
    assert.throws(() => loadConfig(autoscalerConfig, { HEIMDEX_GATEWAY_URL: "http://gateway", ...env }), named);
});
