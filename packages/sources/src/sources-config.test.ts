import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, redacted } from "@heimdex/config";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { sourcesConfig } from "./index.ts";

const schema = z.object({ sources: sourcesConfig });
const SECRET_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCY";
const bucket = (more: object = {}) => ({
  bucket: "rushes",
  access_key: "AKIAIOSFODNN7",
  secret_key: SECRET_KEY,
  ...more,
});
const refusal = (env: Record<string, string>) => {
  try {
    loadConfig(schema, env);
  } catch (reason) {
    assert.ok(reason instanceof HeimdexError && reason.id === "CONFIG_INVALID");
    assert.ok(!reason.message.includes(SECRET_KEY), "no secret is shown");
    return reason.message;
  }
  return assert.fail("it was taken");
};

test("buckets come from a file, with what they leave out filled in, and their keys are never printed", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-sources-config-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "buckets.json");
  await writeFile(file, JSON.stringify([bucket()], undefined, 2));
  const config = loadConfig(schema, { HEIMDEX_SOURCES_S3_FILE: file });
  const [s3] = config.sources.s3;
  assert.deepEqual([s3?.bucket, s3?.prefix, s3?.tenants, s3?.region], ["rushes", "", ["default"], "us-east-1"]);
  assert.equal(s3?.secret_key.reveal(), SECRET_KEY);
  assert.match(JSON.stringify(redacted(config)), /"bucket":"rushes".*"secret_key":"\*\*\*"/);
  await writeFile(file, "");
  assert.deepEqual(loadConfig(schema, { HEIMDEX_SOURCES_S3_FILE: file }).sources.s3, []);
});

test("hosts of one's own are a list", () => {
  const hosts = (list: string) => loadConfig(schema, { HEIMDEX_SOURCES_PRIVATE_HOSTS: list }).sources.privateHosts;
  assert.deepEqual(hosts("NAS.local,10.0.0.5:8080,[fd00::1]:81"), ["nas.local", "10.0.0.5:8080", "[fd00::1]:81"]);
  assert.match(
    refusal({ HEIMDEX_SOURCES_PRIVATE_HOSTS: "http://nas" }),
    /HEIMDEX_SOURCES_PRIVATE_HOSTS: HOST or HOST:PORT/,
  );
});

test("what is no list of buckets is refused without being shown", () => {
  const s3 = (value: unknown) =>
    refusal({ HEIMDEX_SOURCES_S3: typeof value === "string" ? value : JSON.stringify(value) });
  assert.match(s3(`{${SECRET_KEY}`), /HEIMDEX_SOURCES_S3: JSON is expected/);
  for (const bad of [
    {},
    [{}],
    [bucket({ bucket: "UPPER" })],
    [bucket({ endpoint: "nowhere" })],
    [bucket({ key: "x" })],
  ])
    assert.match(s3(bad), /HEIMDEX_SOURCES_S3: /);
});

test("production refuses buckets by plain HTTP and keys that everybody knows", () => {
  const production = (more: object) =>
    refusal({ HEIMDEX_ENV: "production", HEIMDEX_SOURCES_S3: JSON.stringify([bucket(more)]) });
  assert.match(production({ endpoint: "http://minio.example:9000" }), /HEIMDEX_SOURCES_S3: TLS is expected/);
  assert.match(production({ secret_key: "minioadmin" }), /HEIMDEX_SOURCES_S3: a random credential is expected/);
});
