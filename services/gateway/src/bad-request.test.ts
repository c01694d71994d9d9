import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { ask, type HttpReply, openGateway, post } from "./testing.ts";

const fieldsOf = (reply: HttpReply): string[] => {
  const bad = reply.json.error.details.find((detail: { "@type": string }) => detail["@type"].endsWith("BadRequest"));
  return (bad?.field_violations ?? []).map((violation: { field: string }) => violation.field).sort();
};

test("every bad field of a body is named at once", async (t) => {
  const { httpAddress } = await openGateway(t);
  const table: readonly (readonly [string, unknown, string[]])[] = [
    ["/v1/jobs", {}, ["source_uri"]],
    ["/v1/jobs", { source_uri: "/films/a.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "ftp://films/a.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "https://me:secret@films.example/a.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "s3:///a.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "heimdex://uploads/0/1/a.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "file://server/a.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "file:///a%00.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "file:///a%ff.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: "file:///a?b.mp4" }, ["source_uri"]],
    ["/v1/jobs", { source_uri: `file:///${"a".repeat(20_000)}` }, ["source_uri"]],
    [
      "/v1/jobs",
      { source_uri: "", priority: 101, request_id: "x".repeat(65), traceparent: "00-0-0-0" },
      ["priority", "request_id", "source_uri", "traceparent"],
    ],
    ["/v1/jobs", { source_uri: 7, priority: "high", nonsense: true }, ["nonsense", "priority", "source_uri"]],
    ["/v1/jobs", { source_uri: "file:///a.mp4", priority: 1.5 }, ["priority"]],
    ["/v1/jobs", { source_uri: "file:///a.mp4", ["__proto__"]: {} }, ["__proto__"]],
    ["/v1/jobs/j%2F1:cancel", {}, ["job"]],
    ["/v1/jobs/j_1:retry", { request_id: "two words" }, ["request_id"]],
    ["/v1/jobs:plan", { source_uri: "a.mp4" }, ["source_uri"]],
  ];
  for (const [path, body, fields] of table) {
    const reply = await post(httpAddress, path, body);
    assert.equal(reply.status, 400, `${path} ${JSON.stringify(body)}`);
    assert.equal(reply.json.error.details[0].reason, "INVALID_ARGUMENT");
    assert.deepEqual(fieldsOf(reply), fields, `${path} ${JSON.stringify(body).slice(0, 100)}`);
  }
});

test("every bad field of a query is named at once", async (t) => {
  const { httpAddress } = await openGateway(t);
  for (const [path, fields] of [
    ["/v1/assets?page_size=1001", ["page_size"]],
    ["/v1/assets?page_size=-1", ["page_size"]],
    ["/v1/assets?page_size=x&page_token=y&nonsense=1", ["nonsense", "page_size"]],
    ["/v1/assets?page_token=y", ["page_token"]],
    ["/v1/assets?page_token=WzEsIngiLHt9XQ", ["page_token"]],
    ["/v1/assets?page_size=1&page_size=2", ["page_size"]],
    ["/v1/assets?page_size=1&pageSize=2", ["page_size"]],
    ["/v1/assets/a%20b", ["asset"]],
    ["/v1/assets/a.b", ["asset"]],
    ["/v1/assets/a_1?asset=a_2", ["asset"]],
    ["/v1/assets/a_1/sidecar?revision=-1", ["revision"]],
    ["/v1/assets/a..%2F..%2Fb/sidecar", ["asset"]],
    ["/v1/jobs?active_only=maybe&asset=%2E%2E", ["active_only"]],
    ["/v1/jobs/j_1:watch?after_version=x", ["after_version"]],
    ["/v1/stages?page_size=5000", ["page_size"]],
    ["/v1/search", ["query"]],
    ["/v1/search?query=%20%20", ["query"]],
    [`/v1/search?query=${"a".repeat(1001)}`, ["query"]],
    ["/v1/search?query=a&page_size=101&per_asset=101", ["page_size", "per_asset"]],
    ["/v1/search?query=a&from_ms=5&to_ms=5", ["to_ms"]],
    [
      "/v1/search?query=a&channels=smell&channels=spoken&languages=!&assets=a%20b",
      ["assets[0]", "channels[0]", "languages[0]"],
    ],
    ["/v1/blobs/xyz?size=1", ["sha256"]],
    [`/v1/blobs/${"a".repeat(64)}`, ["size"]],
    [`/v1/blobs/${"A".repeat(64)}?size=-1&type=text/html&x=1`, ["sha256", "size", "type", "x"]],
  ] as const) {
    const reply = await ask(httpAddress, path);
    assert.equal(reply.status, 400, path);
    assert.deepEqual(fieldsOf(reply), fields, path);
  }
});

test("1,000 characters are counted as people count them", async (t) => {
  const { httpAddress } = await openGateway(t);
  const { status } = await ask(httpAddress, `/v1/search?query=${encodeURIComponent("🎬".repeat(1000))}`);
  assert.equal(status, 200);
});

test("what is no request of this API gets the status HTTP has for it", async (t) => {
  const { httpAddress } = await openGateway(t);
  const json = { "content-type": "application/json" };
  const table: readonly (readonly [number, string, Parameters<typeof ask>[2]?])[] = [
    [404, "/"],
    [404, "/v1/nothing"],
    [404, "/v1/assets/"],
    [404, "/v1/jobs/j_1:dance", { method: "POST", headers: json, body: "{}" }],
    [405, "/v1/assets", { method: "POST", headers: json, body: "{}" }],
    [405, "/v1/jobs/j_1:cancel"],
    [405, "/v1/assets", { method: "OPTIONS" }],
    [405, "/v1/jobs/j_1:watch", { method: "POST", headers: json, body: "{}" }],
    [400, "/v1/assets/%ff"],
    [400, "/v1/search?query=%ff"],
    [400, "http://127.0.0.1/v1/assets"],
    [415, "/v1/jobs", { method: "POST", body: "{}" }],
    [415, "/v1/jobs", { method: "POST", headers: { "content-type": "text/plain" }, body: "{}" }],
    [
      415,
      "/v1/jobs",
      { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: "a=b" },
    ],
    [415, "/v1/jobs", { method: "POST", headers: { ...json, "content-encoding": "gzip" }, body: "{}" }],
    [400, "/v1/jobs", { method: "POST", headers: json, body: "{" }],
    [400, "/v1/jobs", { method: "POST", headers: json, body: "[]" }],
    [400, "/v1/jobs", { method: "POST", headers: json, body: Buffer.from([0x22, 0xff, 0x22]) }],
    [400, "/v1/jobs?priority=1", { method: "POST", headers: json, body: '{"source_uri":"file:///a"}' }],
  ];
  for (const [status, path, options] of table) {
    const reply = await ask(httpAddress, path, options);
    assert.equal(reply.status, status, `${options?.method ?? "GET"} ${path}`);
    assert.equal(reply.json.error.code, status);
    assert.equal(reply.headers["x-content-type-options"], "nosniff");
  }
  const allowed = async (path: string) => (await ask(httpAddress, path, { method: "PUT" })).headers.allow;
  assert.equal(await allowed("/v1/assets"), "GET, HEAD");
  assert.equal(await allowed("/v1/assets/a_1"), "GET, HEAD, DELETE");
  assert.equal(await allowed("/v1/jobs/j_1:watch"), "GET");
  assert.equal((await ask(httpAddress, "/v1/jobs/j_1:watch", { method: "HEAD" })).status, 405);
});

test("a body above 4 MiB is refused, announced or not", async (t) => {
  const { httpAddress } = await openGateway(t);
  const headers = { "content-type": "application/json" };
  const body = Buffer.alloc(4 * 1024 * 1024 + 1, " ");
  assert.equal((await ask(httpAddress, "/v1/jobs", { method: "POST", headers, body })).status, 413);
  const chunked = { ...headers, "transfer-encoding": "chunked" };
  assert.equal((await ask(httpAddress, "/v1/jobs", { method: "POST", headers: chunked, body })).status, 413);
});

test("a caller who leaves halfway is no error of ours", async (t) => {
  const gateway = await openGateway(t);
  const { hostname, port } = new URL(`http://${gateway.httpAddress}`);
  const socket = connect(Number(port), hostname);
  const head = [
    "POST /v1/jobs HTTP/1.1",
    `host: ${hostname}:${port}`,
    "content-type: application/json",
    "content-length: 1000",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n{"source_uri":`);
  await once(socket, "connect");
  socket.destroy();
  await once(socket, "close");
  // The server has dealt with it once it has dealt with what came later.
  assert.equal((await ask(gateway.httpAddress, "/healthz")).status, 200);
  await gateway[Symbol.asyncDispose]();
  assert.deepEqual(gateway.errors, []);
});
