import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { Job_State, JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { Key_Role, KeyServiceDefinition } from "@heimdex/contracts/v1/key";
import { ComposeCluster } from "@heimdex/testing-servers";
import { ChannelCredentials, createChannel, createClient, Metadata } from "nice-grpc";
import { Authority } from "../access/certificates.fixture.ts";
import { makeFilms } from "./made-films.ts";
import { untilAnswered } from "./until-answered.ts";

const run = promisify(execFile);
/** More than are asked for while secrets change; none is left out. */
const JOBS = 200;
/** A job is asked for this often, so that at every step some are under way, ms. */
const EVERY_MS = 5_000;
/** How long jobs may take after all of it, on a machine that does much else, ms. */
const PATIENCE_MS = 30 * 60_000;

test("every secret of a cluster is changed while jobs run: none fails, and what was good before is no more", async (t) => {
  const films = await mkdtemp(join(tmpdir(), "rotation-films-"));
  t.after(() => rm(films, { recursive: true }));
  await chmod(films, 0o755); // containers read it as another user
  const names = await makeFilms(films, JOBS);
  const folder = await mkdtemp(join(tmpdir(), "rotation-certificates-"));
  t.after(() => rm(folder, { recursive: true }));
  const authority = await Authority.create(folder, "authority");
  await using cluster = await ComposeCluster.up({ films });
  const environment = cluster.environment("tls.yaml");
  const rotate = async (...args: readonly string[]) => {
    t.diagnostic(`${new Date().toISOString()} rotate ${args.join(" ")}`);
    await run("deploy/compose/rotate", args, { env: environment, maxBuffer: 2 ** 26 });
  };

  /** What an orchestrator answers who asks for its figures. */
  const figures = async (key: string | undefined) => {
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(`http://127.0.0.1:${environment.HEIMDEX_DATA_PORT}/metrics`, { headers })).status;
  };

  const before = await authority.issue("before");
  await rotate("tls", before.certFile, before.keyFile);
  await run("docker", ["compose", "up", "--detach", "--wait", "--no-deps", "gateway"], { env: environment });
  assert.equal(await shownCertificate(cluster), fingerprint(before.cert));

  const api = openApi(t, cluster, await authority.cert());
  const asAdmin = async () => api.as(await cluster.secret("admin-key"));
  const { key, secret } = await api.keys.createKey({ name: "films", role: Key_Role.EDITOR }, await asAdmin());
  let shown = secret;
  const asking = new AbortController();
  t.after(() => asking.abort());
  const jobs: string[] = [];
  const asked = (async () => {
    for (const name of names) {
      if (asking.signal.aborted) break;
      const request = { sourceUri: `file:///films/${name}`, requestId: name };
      const created = await untilAnswered(() => api.jobs.createJob(request, api.as(shown)), PATIENCE_MS, asking.signal);
      if (created === undefined) break;
      jobs.push(created.job);
      await delay(EVERY_MS);
    }
  })();

  asked.catch(() => undefined); // it is awaited below; when the test fails before, that is what is told

  for (const name of ["admin-key", "stage-key", "signing-key", "monitor-key"]) {
    const old = await cluster.secret(name);
    await rotate(name);
    const [now, other] = (await cluster.secret(name)).split("\n");
    assert.equal(other, old, `${name}: the old one is good until it is revoked`);
    if (name === "admin-key") await untilAnswered(() => api.keys.listKeys({}, api.as(old)), PATIENCE_MS);
    if (name === "monitor-key") assert.deepEqual([await figures(old), await figures(now)], [200, 200]);
    await rotate(name, "--revoke");
    assert.equal(await cluster.secret(name), now);
    if (name === "admin-key") await assert.rejects(api.keys.listKeys({}, api.as(old)), /no key that is good/);
    if (name === "monitor-key") {
      assert.deepEqual([await figures(old), await figures(now)], [401, 200]);
      const read = ["run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "secrets"];
      const shownToPrometheus = await cluster.compose(...read, "/monitor-secrets/monitor-key");
      assert.equal(shownToPrometheus.trim(), now);
    }
    await untilAnswered(async () => api.keys.listKeys({}, await asAdmin()), PATIENCE_MS);
  }

  const bus = { user: await cluster.secret("bus-user"), pass: await cluster.secret("bus-password") };
  await rotate("bus");
  assert.equal(await busSays(cluster, bus), "welcome");
  await rotate("bus", "--revoke");
  assert.match(await busSays(cluster, bus), /authorization/i);

  const events = { user: "events", pass: await cluster.secret("events-password") };
  assert.equal(await busSays(cluster, events), "welcome");
  await rotate("events");
  assert.match(await busSays(cluster, events), /authorization/i);
  assert.equal(await busSays(cluster, { ...events, pass: await cluster.secret("events-password") }), "welcome");

  const accessKey = await cluster.secret("blobs-access-key");
  await rotate("blobs");
  assert.notEqual(await cluster.secret("blobs-access-key"), accessKey);

  await changeCatalogUser(t, cluster, rotate);

  const issued = await untilAnswered(
    async () => api.keys.rotateKey({ key: key?.key ?? "", overlapMs: 60_000 }, await asAdmin()),
    PATIENCE_MS,
  );
  await api.jobs.listJobs({}, api.as(secret));
  shown = issued.secret;

  const after = await authority.issue("after");
  await rotate("tls", after.certFile, after.keyFile);
  assert.equal(await shownCertificate(cluster), fingerprint(after.cert));

  asking.abort();
  await asked;
  t.diagnostic(`${jobs.length} jobs were asked for meanwhile`);
  assert.ok(jobs.length < JOBS, "there were jobs until the end");
  for (const giveUpMs = performance.now() + PATIENCE_MS; ; await delay(2_000)) {
    const seen = await Promise.all(
      jobs.map((job) => untilAnswered(() => api.jobs.getJob({ job }, api.as(shown)), PATIENCE_MS)),
    );
    const ended = seen.filter(({ endTime }) => endTime !== undefined);
    assert.deepEqual(
      ended
        .filter(({ state }) => state !== Job_State.SUCCEEDED)
        .map(({ job, state, reason }) => ({ job, state, reason })),
      [],
    );
    if (ended.length === jobs.length) break;
    assert.ok(performance.now() < giveUpMs, `${jobs.length - ended.length} jobs have not ended`);
  }
});

function openApi(t: TestContext, cluster: ComposeCluster, authority: string) {
  const credentials = ChannelCredentials.createSsl(Buffer.from(authority));
  const channel = createChannel(`https://localhost:${portOf(cluster.api)}`, credentials, {
    "grpc.enable_http_proxy": 0,
  });
  t.after(() => channel.close());
  return {
    jobs: createClient(JobServiceDefinition, channel),
    keys: createClient(KeyServiceDefinition, channel),
    as: (key: string) => ({
      metadata: Metadata({ authorization: `Bearer ${key}` }),
      signal: AbortSignal.timeout(20_000),
    }),
  };
}

/** MongoDB has users, one of which is put in place of another. What stands in for it where its image cannot be pulled knows the one user that its environment names, so
 * there the password is changed with the server's next start. */
async function changeCatalogUser(
  t: TestContext,
  cluster: ComposeCluster,
  rotate: (...args: string[]) => Promise<void>,
) {
  const before = await cluster.secret("catalog-url");
  try {
    await rotate("catalog");
    await rotate("catalog", "--revoke");
  } catch (reason) {
    if (!/CommandNotFound|CommandNotSupported/.test(String((reason as { stderr?: string }).stderr))) throw reason;
    t.diagnostic("this MongoDB knows one user: its password is changed with its next start");
    const change = `
      const { randomBytes } = require("node:crypto");
      const { readFileSync, writeFileSync } = require("node:fs");
      const password = randomBytes(32).toString("base64url");
      writeFileSync("/secrets/catalog-password", password);
      const url = readFileSync("/secrets/catalog-url", "utf8");
      writeFileSync("/secrets/catalog-url", url.replace(/:[^:@/]+@/, ":" + password + "@"));`;
    await cluster.compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "node", "secrets", "-e", change);
    await cluster.compose("restart", "mongo");
    for (const service of ["orchestrator", "orchestrator-2", "gateway"]) await cluster.compose("restart", service);
  }
  assert.notEqual(await untilAnswered(() => cluster.secret("catalog-url"), PATIENCE_MS), before);
}

/** What NATS says to somebody who comes as `user`: `welcome`, or why not. */
async function busSays(
  cluster: ComposeCluster,
  user: { readonly user: string; readonly pass: string },
): Promise<string> {
  const code = `
    import { connect } from "@nats-io/transport-node";
    try {
      const connection = await connect({ servers: "nats:4222", ...JSON.parse(process.env.BUS_USER), reconnect: false });
      await connection.close();
      console.log("welcome");
    } catch (reason) {
      console.log(reason.message);
    }`;
  const as = ["exec", "-T", "-e", `BUS_USER=${JSON.stringify(user)}`, "orchestrator"];
  return (await cluster.compose(...as, "node", "--input-type=module", "-e", code)).trim();
}

const portOf = (address: string) => Number(address.split(":").at(-1));
const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;

/** Fingerprint of the certificate that the gateway shows. */
async function shownCertificate(cluster: ComposeCluster): Promise<string> {
  const socket = connect({
    port: portOf(cluster.api),
    host: "localhost",
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
