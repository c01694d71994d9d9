import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig, redacted } from "@heimdex/config";
import { orchestratorConfig, serviceConfig } from "./service-config.ts";

const KEY = "k".repeat(40);
const ENVIRONMENT = {
  HEIMDEX_CATALOG_URL: "mongodb://heimdex:open-sesame@mongo:27017/",
  HEIMDEX_BUS_URL: "nats://nats:4222",
  HEIMDEX_BLOBS_ENDPOINT: "http://minio:9000",
  HEIMDEX_BLOBS_ACCESS_KEY: "access",
  HEIMDEX_BLOBS_SECRET_KEY: "open-sesame",
  HEIMDEX_DATA_URL: "http://orchestrator:8483",
  HEIMDEX_SIGNING_KEY: KEY,
};

test("an orchestrator's settings come from the environment, and nothing of a secret is printed", () => {
  const config = loadConfig(serviceConfig, {
    ...ENVIRONMENT,
    HEIMDEX_STAGE_KEY: KEY,
    HEIMDEX_AUTH_REQUIRED: "true",
    HEIMDEX_SOURCE_ROOTS: "/films/{tenant},/archive/{tenant}",
    HEIMDEX_LEASE_TTL_MS: "3000",
  });
  const taken = orchestratorConfig(config);
  assert.equal(taken.leaseTtlMs, 3_000);
  assert.equal(taken.auth.required, true);
  assert.deepEqual(taken.sourceRoots, ["/films/{tenant}", "/archive/{tenant}"]);
  assert.deepEqual(
    taken.ownKeys.map(({ secret, caller }) => [secret.reveal(), caller.role, caller.tenant]),
    [[KEY, "stage", "*"]],
  );
  assert.doesNotMatch(JSON.stringify(redacted(config)), /open-sesame|kkkk/);
});

test("what is missing or malformed is named, all at once", () => {
  const { HEIMDEX_CATALOG_URL: _, HEIMDEX_DATA_URL: __, ...rest } = ENVIRONMENT;
  assert.throws(
    () => loadConfig(serviceConfig, { ...rest, HEIMDEX_WORKER_ADDRESS: "nonsense", HEIMDEX_SIGNING_KEY: "short" }),
    (error: { id: string; fields: { field: string }[] }) => {
      assert.equal(error.id, "CONFIG_INVALID");
      assert.deepEqual(error.fields.map(({ field }) => field).sort(), [
        "HEIMDEX_CATALOG_URL",
        "HEIMDEX_DATA_URL",
        "HEIMDEX_SIGNING_KEY",
        "HEIMDEX_WORKER_ADDRESS",
      ]);
      return true;
    },
  );
});
