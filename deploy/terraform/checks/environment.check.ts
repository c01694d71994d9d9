import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { autoscalerConfig } from "@heimdex/autoscaler";
import { clusterConfig } from "@heimdex/cluster";
import { loadConfig } from "@heimdex/config";
import { gatewayConfig } from "@heimdex/gateway";
import { serviceConfig } from "@heimdex/orchestrator";
import { z } from "zod";
import { containers, images, type Resource, type Run, runMocked } from "./environment.ts";

const PREFIX = { staging: "heimdex-stg", production: "heimdex-prod" } as const;
let runs: Record<keyof typeof PREFIX, Run>;
before(() => {
  runs = { staging: runMocked("staging"), production: runMocked("production") };
});

const key = () => randomBytes(32).toString("base64url");
const sources = [{ bucket: "films", endpoint: "https://storage.googleapis.com", access_key: key(), secret_key: key() }];
/** A value that production takes, of each secret. */
const VALUES: Readonly<Record<string, string>> = {
  "catalog-url": `mongodb+srv://films:${key()}@films.mongodb.net/?authSource=admin`,
  "sources-s3": JSON.stringify(sources),
};
const SCHEMAS: Readonly<Record<string, z.ZodObject>> = {
  gateway: z.object({ ...clusterConfig.shape, ...gatewayConfig.shape }),
  "gateway-grpc": z.object({ ...clusterConfig.shape, ...gatewayConfig.shape }),
  orchestrator: serviceConfig,
  "orchestrator-data": serviceConfig,
  autoscaler: autoscalerConfig,
};

for (const environment of ["staging", "production"] as const) {
  const prefix = PREFIX[environment];
  const all = () => runs[environment].resources;
  const of = (type: string): readonly Resource[] => all().filter((one) => one.type === type && one.mode === "managed");

  test(`${environment}: every service starts with the settings that it is given, in production`, () => {
    for (const { name, env } of containers(all())) {
      const schema = SCHEMAS[name];
      if (schema === undefined) continue;
      const settings = env.map(({ name: variable, value, value_source }) => {
        const [source] = value_source as { secret_key_ref: { secret: string }[] }[];
        const secret = source?.secret_key_ref[0]?.secret.slice(prefix.length + 1);
        return [variable, secret === undefined ? (value ?? "") : (VALUES[secret] ?? key())] as const;
      });
      assert.equal(new Map(settings).get("HEIMDEX_ENV"), "production", name);
      const known = Object.fromEntries(settings);
      assert.doesNotThrow(() => loadConfig(schema, known), name);
      // Each is one that the service reads: without it, or with another value, the configuration is another one.
      for (const variable of Object.keys(known)) {
        if (["HEIMDEX_ENV", "NODE_EXTRA_CA_CERTS"].includes(variable)) continue;
        const without = { ...known, HEIMDEX_ENV: "", [variable]: variable.endsWith("_MS") ? "1234" : "" };
        assert.ok(differs(schema, known, without), `${name} does not read ${variable}`);
      }
    }
  });

  test(`${environment}: each image is the one of images.json, by its digest`, () => {
    const found = new Set(containers(all()).map(({ image }) => image));
    assert.deepEqual([...found].sort(), Object.values(images()).sort());
  });

  test(`${environment}: a secret reaches who needs it, by a pinned version, and nobody else`, () => {
    const grants = of("google_secret_manager_secret_iam_member").map(({ address, values }) => {
      assert.equal(values.role, "roles/secretmanager.secretAccessor");
      return `${/module\.platform\.module\.(\w+(?:\["[\w-]+"\])?)/.exec(address)?.[1]} ${values.secret_id.slice(prefix.length + 1)}`;
    });
    const server = ["blobs-access-key", "blobs-secret-key", "bus-certificate", "bus-password", "catalog-url"];
    const gateway = [...server, "admin-key", "monitor-key", "signing-key", "sources-s3"];
    const orchestrator = [...server, "signing-key", "sources-s3", "stage-key"];
    const expected = {
      gateway,
      gateway_grpc: gateway,
      orchestrator,
      orchestrator_data: orchestrator,
      nats: ["bus-certificate", "bus-password", "bus-private-key", "events-password"],
      autoscaler: ["monitor-key"],
      ...Object.fromEntries(
        ["asr", "embed", "media", "vision"].map((name) => [`stage["stage-${name}"]`, ["stage-key"]]),
      ),
    };
    const pairs = Object.entries(expected).flatMap(([who, what]) => what.map((secret) => `${who} ${secret}`));
    assert.deepEqual(grants.toSorted(), pairs.toSorted());
    for (const { name, env, template } of containers(all()))
      for (const version of JSON.stringify([env, template.volumes ?? []]).matchAll(/"version":"([^"]*)"/g))
        assert.match(version[1] ?? "", /^[1-9]\d*$/, name);
  });

  test(`${environment}: no role of a whole project, nobody unnamed, and each program has an account of its own`, () => {
    for (const { address, values } of all().filter(({ type }) => /_iam_/.test(type))) {
      assert.doesNotMatch(String(values.role), /^roles\/(owner|editor|viewer|.*\.admin)$/, address);
      assert.doesNotMatch(JSON.stringify(values), /allUsers|allAuthenticatedUsers/, address);
    }
    assert.deepEqual(of("google_project_iam_member"), [], "nothing is granted on the whole project");
    const accounts = of("google_service_account").map(({ values }) => values.account_id);
    for (const { name, template } of containers(all())) {
      assert.ok(accounts.includes(`${prefix}-${name}`), name);
      assert.notEqual(template.service_account, null, name);
    }
    assert.equal(new Set(accounts).size, accounts.length);
    for (const { values } of of("google_service_account"))
      assert.match(values.account_id, /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/);
  });

  test(`${environment}: nothing has an address on the internet but the load balancer`, () => {
    for (const { name, type, values, template } of containers(all())) {
      assert.equal(template.vpc_access[0].egress, "ALL_TRAFFIC", name);
      if (!type.endsWith("_service")) continue;
      assert.notEqual(values.ingress, "INGRESS_TRAFFIC_ALL", name);
      const isOpen = ["gateway", "gateway-grpc", "orchestrator", "orchestrator-data"].includes(name);
      assert.equal(values.invoker_iam_disabled, isOpen, `${name}: who asks for keys itself`);
    }
    for (const { values } of of("google_compute_instance"))
      assert.deepEqual(values.network_interface[0].access_config, []);
    for (const { values } of of("google_compute_firewall")) assert.deepEqual(values.source_ranges, ["10.24.0.0/20"]);
  });

  test(`${environment}: stages use the profile of models that the job fetches, from where it puts them`, () => {
    const [job] = containers(all()).filter(({ name }) => name === "models");
    const setting = (env: typeof job, variable: string) => env?.env.find(({ name }) => name === variable)?.value;
    assert.deepEqual(job?.args, ["models", "pull", "bundled"]);
    for (const stage of containers(all()).filter(({ name }) => name.startsWith("stage-"))) {
      assert.equal(setting(stage, "HEIMDEX_STAGE_MODELS"), "bundled", stage.name);
      assert.equal(setting(stage, "HEIMDEX_MODELS"), setting(job, "HEIMDEX_MODELS"), stage.name);
    }
  });

  test(`${environment}: the autoscaler is told the limits of each pool`, () => {
    const [autoscaler] = containers(all()).filter(({ name }) => name === "autoscaler");
    const pools = JSON.parse(autoscaler?.env.find(({ name }) => name === "HEIMDEX_POOLS")?.value ?? "[]");
    const workers = of("google_cloud_run_v2_worker_pool");
    assert.equal(pools.length, workers.length);
    for (const { name, min } of pools) {
      const pool = workers.find(({ values }) => name.endsWith(`/workerPools/${values.name}`));
      assert.equal(pool?.values.scaling[0].manual_instance_count, min, name);
    }
  });
}

function differs(schema: z.ZodObject, one: Record<string, string>, other: Record<string, string>): boolean {
  const read = (env: Record<string, string>) => {
    try {
      return JSON.stringify(loadConfig(schema, { ...env, HEIMDEX_ENV: "" }));
    } catch (reason) {
      return String(reason);
    }
  };
  return read(one) !== read(other);
}
