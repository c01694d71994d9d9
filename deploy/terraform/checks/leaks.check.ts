import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { containers, runMocked } from "./environment.ts";

const SEED = `seeded-${randomBytes(12).toString("hex")}`;
const value = (what: string) => `${what}-${SEED}`;

/** Every way in which Google's answers could bring a secret's value into a configuration. */
const MOCKS = `
  mock_resource "google_storage_hmac_key" {
    defaults = { secret = "${value("hmac")}" }
  }
  mock_resource "google_secret_manager_secret_version" {
    defaults = { secret_data = "${value("made")}" }
  }
  mock_resource "google_service_account_key" {
    defaults = { private_key = "${value("account")}" }
  }
  mock_data "google_secret_manager_secret_version" {
    defaults = { secret_data = "${value("read")}" }
  }
  mock_data "google_secret_manager_secret_version_access" {
    defaults = { secret_data = "${value("accessed")}" }
  }
`;

test("no value of a secret is in plan or state, in outputs or the environment of a service", () => {
  const { printed, resources } = runMocked("production", { mocks: MOCKS });
  for (const what of ["test_plan", "test_state"]) assert.match(printed, new RegExp(`"type":"${what}"`));
  assert.equal(printed.includes(SEED), false);
  for (const { name, env } of containers(resources))
    for (const { name: variable, value_source } of env)
      if (/(_KEY|_PASSWORD|_SECRET|_TOKEN|CATALOG_URL|SOURCES_S3)$/.test(variable))
        assert.equal(value_source.length, 1, `${name}: ${variable} is no reference`);
  assert.deepEqual(
    resources.filter(({ type }) =>
      /secret_version|hmac_key|service_account_key|random_password|tls_private_key/.test(type),
    ),
    [],
  );
});

test("the check would find one: an HMAC key made by Terraform, and a secret that it reads", () => {
  for (const [module, code] of [
    [
      "storage",
      'resource "google_storage_hmac_key" "data" {\n  service_account_email = google_service_account.data.email\n}\n',
    ],
    ["secrets", 'data "google_secret_manager_secret_version" "read" {\n  secret = "stage-key"\n}\n'],
  ] as const) {
    const change = (folder: string) => appendFileSync(join(folder, "modules", module, "main.tf"), code);
    assert.equal(runMocked("production", { mocks: MOCKS, change }).printed.includes(SEED), true, module);
  }
});

test("what the scripts and the configuration say is no value either", () => {
  // The start of NATS' machine is in state and metadata: it names secrets and versions.
  const script = readFileSync(new URL("../modules/nats/start.sh", import.meta.url), "utf8");
  assert.doesNotMatch(script, /-----BEGIN|set -x/);
});
