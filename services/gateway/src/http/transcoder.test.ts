import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { getOption } from "@bufbuild/protobuf";
import { descriptorSet } from "@heimdex/contracts";
import { ACCESS } from "../access.ts";
import { ask, job, openGateway, stage } from "../testing.ts";
import { readContract } from "./transcoder.ts";

/** Every annotated method of the contract, read here from the descriptors again. */
function annotated(): { name: string; verb: string; path: string }[] {
  const contract = readContract(descriptorSet());
  const extension = contract.getExtension("google.api.http");
  assert.ok(extension);
  return [...contract].flatMap((type) => {
    if (type.kind !== "service") return [];
    return type.methods.flatMap((method) => {
      if (method.proto.options === undefined) return [];
      const { pattern } = getOption(method, extension) as unknown as {
        pattern: { case?: string; value: string };
      };
      if (pattern.case === undefined) return [];
      return [{ name: `${type.typeName}.${method.name}`, verb: pattern.case.toUpperCase(), path: pattern.value }];
    });
  });
}

test("every annotated method of the contract is served where its annotation says", async (t) => {
  const gateway = await openGateway(t);
  // In place of the orchestrator: says who was asked.
  await gateway.storeJob(job("x_1"));
  await gateway.store("stages", "x_1", stage("x_1"), []);
  await gateway.ports.bus.respond("api.>", async () => ({ job: "x_1" }));
  const methods = annotated();
  assert.equal(methods.length, 26);
  for (const { name, verb, path } of methods) {
    const filled = path.replaceAll(/\{[^}]*\}/g, "x_1") + (path === "/v1/search" ? "?query=harbour" : "");
    const body = verb === "POST" ? { headers: { "content-type": "application/json" }, body: "{}" } : {};
    const reply = await ask(gateway.httpAddress, filled, { method: verb, ...body });
    const reason = reply.status === 200 ? "" : reply.json.error.details[0].reason;
    // Nothing is stored: a thing that is not there is an answer of the method itself, a path that is not there has the bare id.
    assert.ok([200, 400, 404].includes(reply.status) && reason !== "NOT_FOUND", `${name}: ${reply.status} ${reason}`);
  }
});

test("HEAD is GET without a body", async (t) => {
  const { httpAddress } = await openGateway(t);
  const get = await ask(httpAddress, "/v1/assets");
  const head = await ask(httpAddress, "/v1/assets", { method: "HEAD" });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  assert.equal(head.headers["content-length"], get.headers["content-length"]);
  assert.equal((await ask(httpAddress, "/v1/assets/none", { method: "HEAD" })).status, 404);
});

test("a query takes proto names, JSON names and repeated values", async (t) => {
  const { httpAddress } = await openGateway(t);
  for (const query of ["page_size=5", "pageSize=5", "page_size=05"]) {
    assert.equal((await ask(httpAddress, `/v1/assets?${query}`)).status, 200, query);
  }
  const many = await ask(httpAddress, "/v1/search?query=a&channels=spoken&channels=written&assets=a_1&assets=a_2");
  assert.equal(many.status, 200);
  assert.equal((await ask(httpAddress, "/v1/jobs?active_only=1")).status, 200);
});

test("the guard stands before every route", async (t) => {
  const { httpAddress } = await openGateway(t);
  for (const path of ["/healthz", "/v1/assets", "/v1/jobs/j:watch", "/v1/blobs/x", "/v1/assets/a/media", "/nothing"]) {
    const rebinding = await ask(httpAddress, path, {
      headers: { host: `rebind.example:${httpAddress.split(":")[1]}` },
    });
    assert.deepEqual([rebinding.status, rebinding.json.error.details[0].reason], [403, "ORIGIN_REFUSED"], path);
    const foreign = await ask(httpAddress, path, { headers: { origin: "https://attacker.example" } });
    assert.equal(foreign.status, 403, path);
    assert.equal(foreign.headers["access-control-allow-origin"], undefined);
  }
  const preflight = { origin: "https://attacker.example", "access-control-request-method": "DELETE" };
  assert.equal((await ask(httpAddress, "/v1/assets/a", { method: "OPTIONS", headers: preflight })).status, 403);
});

test("the reference lists every method", async () => {
  const page = await readFile(new URL("../../../../docs/reference/api.md", import.meta.url), "utf8");
  for (const { name, verb, path } of annotated())
    assert.ok(page.includes(`| ${name.replace("heimdex.v1.", "")} | \`${verb} ${path}\` |`), name);
});

test("the reference says who may call what as the gateway keeps it", async () => {
  const page = await readFile(new URL("../../../../docs/reference/api.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (\w+Service\.\w+) \| .* \| (\w+) \|$/gm)];
  for (const [, name, level] of rows) assert.equal(ACCESS[`heimdex.v1.${name}`], level, name);
  assert.equal(
    new Set(rows.map(([, name]) => name)).size,
    Object.keys(ACCESS).filter((name) => /^heimdex/.test(name)).length,
  );
});
