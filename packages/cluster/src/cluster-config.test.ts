import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "@heimdex/config";
import type { HeimdexError } from "@heimdex/errors";
import { clusterConfig } from "./cluster-config.ts";

const PASSWORD = "Vj2tqWq0oXfM8sZr";
const GOOD = {
  HEIMDEX_ENV: "production",
  HEIMDEX_CATALOG_URL: `mongodb+srv://u:${PASSWORD}@db.example/`,
  HEIMDEX_BUS_URL: "tls://nats:4222",
  HEIMDEX_BUS_USER: "u",
  HEIMDEX_BUS_PASSWORD: "0a9Lw3KzYb7GhUeP",
  HEIMDEX_BLOBS_ENDPOINT: "https://minio:9000",
  HEIMDEX_BLOBS_ACCESS_KEY: "5mT1xQyRj6NcDvFi",
  HEIMDEX_BLOBS_SECRET_KEY: "Z4kHoBp8SnEa2wUl",
};

function refused(env: Record<string, string>): string[] {
  try {
    loadConfig(clusterConfig, { ...GOOD, ...env });
    return [];
  } catch (reason) {
    return (reason as HeimdexError).fields.map(({ field }) => field);
  }
}

for (const [name, url, isRefused] of [
  ["TLS by the scheme", `mongodb+srv://u:${PASSWORD}@db.example/`, false],
  ["TLS by an option", `mongodb://u:${PASSWORD}@a:27017,b:27017/?replicaSet=r&tls=true`, false],
  ["a certificate in place of a password", "mongodb+srv://db.example/?authMechanism=MONGODB-X509", false],
  ["this machine", `mongodb://u:${PASSWORD}@127.0.0.1:27017/`, false],
  ["a name of this machine", `mongodb://u:${PASSWORD}@mongo:27017/`, false],
  ["no TLS", `mongodb://u:${PASSWORD}@db.example/`, true],
  ["a name that looks like this machine's", `mongodb://u:${PASSWORD}@127.0.0.1.example/`, true],
  ["one of two servers elsewhere", `mongodb://u:${PASSWORD}@mongo:27017,db.example:27017/`, true],
  ["certificates that nobody looks at", `mongodb://u:${PASSWORD}@db/?tls=true&tlsInsecure=true`, true],
  ["no user", "mongodb+srv://db.example/", true],
] as const)
  test(`a catalog's URL in production: ${name}`, () => {
    const seen = refused({ HEIMDEX_CATALOG_URL: url, HEIMDEX_OWN_MACHINE: "mongo" });
    assert.deepEqual(seen, isRefused ? ["HEIMDEX_CATALOG_URL"] : []);
  });

test("in production NATS and the store are asked with TLS and a user, and everything missing is named at once", () => {
  const seen = refused({
    HEIMDEX_BUS_URL: "nats://nats:4222",
    HEIMDEX_BUS_USER: "",
    HEIMDEX_BUS_PASSWORD: "",
    HEIMDEX_BLOBS_ENDPOINT: "http://minio:9000",
    HEIMDEX_BLOBS_PUBLIC_ENDPOINT: "http://s3.example",
  });
  assert.deepEqual(seen.sort(), [
    "HEIMDEX_BLOBS_ENDPOINT",
    "HEIMDEX_BLOBS_PUBLIC_ENDPOINT",
    "HEIMDEX_BUS_PASSWORD",
    "HEIMDEX_BUS_URL",
    "HEIMDEX_BUS_USER",
  ]);
});
