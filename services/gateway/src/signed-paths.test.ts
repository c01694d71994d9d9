import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { authConfig, type Caller, Gate, KeyStore } from "@heimdex/access";
import { Secret } from "@heimdex/config";
import { SignedPaths } from "./signed-paths.ts";
import { ask, asset, openGateway } from "./testing.ts";

/** A gateway that asks for keys, with a film and a picture of the tenant `acme`. */
async function open(t: TestContext, signedPathMs?: number) {
  const more = signedPathMs === undefined ? {} : { signedPathMs };
  const gateway = await openGateway(t, { auth: { required: true }, ...more });
  const keys = new KeyStore(gateway.ports.catalog, { now: Date.now, onError: (reason) => assert.fail(String(reason)) });
  const issue = (tenant: string) => keys.create({ name: "x", role: "viewer", tenant, stages: [], expiresAtMs: 0 });
  const film = join(gateway.folder, "film.mp4");
  await writeFile(film, "moving pictures");
  const { size, mtimeMs } = await stat(film);
  const source = { uri: pathToFileURL(film).href, size, modifiedMs: mtimeMs, missing: false };
  await gateway.storeAsset(asset("a_1", { tenant: "acme", sources: [source] }));
  const picture = Buffer.from("a picture");
  const sha256 = createHash("sha256").update(picture).digest("hex");
  await gateway.ports.blobs.put(
    { tenant: "acme", sha256, size: picture.length },
    (async function* () {
      yield picture;
    })(),
  );
  const paths = ["/v1/assets/a_1/media", `/v1/blobs/${sha256}?size=${picture.length}&type=image/jpeg`];
  const sign = async (secret: string, asked: readonly string[] = paths) => {
    const reply = await ask(gateway.httpAddress, "/v1/paths:sign", {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify({ paths: asked }),
    });
    assert.equal(reply.status, 200, reply.body.toString());
    return reply.json as { paths: [string, string]; expire_time: string };
  };
  const get = (path: string, headers: Record<string, string> = {}) => ask(gateway.httpAddress, path, { headers });
  return { gateway, keys, issue, paths, sign, get };
}

test("a signed path is read without a key, in ranges too, as a browser's player does", async (t) => {
  const { issue, sign, get, paths } = await open(t);
  const { secret } = await issue("acme");
  const signed = await sign(secret);
  const [media, picture] = signed.paths;
  assert.equal((await get(media)).body.toString(), "moving pictures");
  const part = await get(media, { range: "bytes=0-5" });
  assert.deepEqual([part.status, part.body.toString()], [206, "moving"]);
  const shown = await get(picture);
  assert.deepEqual([shown.body.toString(), shown.headers["content-type"]], ["a picture", "image/jpeg"]);
  const lifeMs = Date.parse(signed.expire_time) - Date.now();
  assert.ok(lifeMs > 3_500_000 && lifeMs <= 3_600_000);
  for (const path of paths) assert.equal((await get(path)).status, 401);
});

test("a signature is good for its own path and tenant, and for nothing else", async (t) => {
  const { issue, sign, get, paths } = await open(t);
  const [media, picture] = (await sign((await issue("acme")).secret)).paths;
  const token = (path: string) => path.slice(path.indexOf("token="));
  for (const path of [
    `/v1/assets/a_2/media?${token(media)}`,
    `/v1/assets/a_1/sidecar?${token(media)}`,
    `/v1/status?${token(media)}`,
    `${paths[1]}&${token(media)}`,
    `${picture.replace("size=9", "size=8")}`,
    `${media.slice(0, -2)}AA`,
    `${media}&size=1`,
    "/v1/assets/a_1/media?token=e30.AA",
    "/v1/assets/a_1/media?token=",
  ])
    assert.equal((await get(path)).status, 401, path);
  // Whoever has no right to a thing may sign its path, and then reads what it reads with its key: nothing.
  const theirs = (await sign((await issue("globex")).secret)).paths;
  for (const path of theirs) assert.equal((await get(path)).status, 404, path);
});

test("a signed path ends with its time, and with the key it was signed for", async (t) => {
  const { keys, issue, sign, get } = await open(t);
  const { record, secret } = await issue("acme");
  const [media] = (await sign(secret)).paths;
  assert.equal((await get(media)).status, 200);
  await keys.revoke(record.id, "acme");
  assert.equal((await get(media)).status, 401);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const [another] = (await sign((await issue("acme")).secret)).paths;
  t.mock.timers.tick(3_599_999);
  assert.equal((await get(another)).status, 200);
  t.mock.timers.tick(1);
  assert.equal((await get(another)).status, 401);
});

test("only paths of media and blobs are signed, and all others are named", async (t) => {
  const { gateway, issue } = await open(t);
  const { secret } = await issue("acme");
  const bad = [
    "/v1/status",
    "/v1/blobs/x?size=1",
    "/v1/assets/a_1/media?token=x.y",
    "//evil.example/v1/assets/a/media",
    "",
  ];
  const reply = await ask(gateway.httpAddress, "/v1/paths:sign", {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ paths: bad }),
  });
  assert.equal(reply.status, 400);
  assert.equal(reply.json.error.details[1].field_violations.length, bad.length);
});

test("where no keys are asked for, signed paths work all the same", async (t) => {
  const gateway = await openGateway(t);
  const reply = await ask(gateway.httpAddress, "/v1/paths:sign", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ paths: ["/v1/assets/a_1/media"] }),
  });
  const read = await ask(gateway.httpAddress, reply.json.paths[0]);
  assert.equal(read.json.error.details[0].reason, "ASSET_NOT_FOUND");
});

test("while the signing key is changed, what another replica signs is good at every step", async (t) => {
  const { keys, issue } = await open(t);
  const { record } = await issue("acme");
  const gate = Gate.of(authConfig.parse({ required: true }), keys);
  const [before, after] = [new Secret("the key until now"), new Secret("the key from now on")];
  const steps = [[before], [before, after], [after, before], [after]] as const;
  const replicas = steps.map((step) => new SignedPaths(step, gate, Date.now));
  const caller: Caller = { key: record.id, role: "viewer", tenant: "acme", stages: [] };
  const signed = replicas.map((replica) => replica.sign("/v1/assets/a_1/media", caller, Date.now() + 60_000));
  for (const [at, path] of signed.entries())
    for (const replica of replicas.slice(Math.max(0, at - 1), at + 2))
      assert.equal((await replica.open(path))?.target, "/v1/assets/a_1/media", `step ${at}`);
  assert.equal(await replicas[3]?.open(signed[0] ?? ""), undefined);
});
