import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import { loadConfig, refusePlain, secret, secretKeys } from "./index.ts";

const schema = z.object({
  db: z.object({ url: secret() }),
  store: z.object({ key: secret().optional(), endpoint: z.string().default("").meta({ production: refusePlain }) }),
  signing: secretKeys(z.string().min(4)).optional(),
  pem: secret().optional(),
});
const random = () => randomBytes(32).toString("base64url");
const good = () => ({
  HEIMDEX_ENV: "production",
  HEIMDEX_DB_URL: `mongodb://heimdex:${random()}@db/`,
  HEIMDEX_STORE_KEY: random(),
});

/** The variables that are refused, with the reasons. */
function refused(env: Record<string, string>): Record<string, string> {
  try {
    loadConfig(schema, env);
    return {};
  } catch (reason) {
    const error = reason as HeimdexError;
    assert.equal(error.id, "CONFIG_INVALID");
    for (const text of Object.values(env).filter((value) => value.length > 6 && value !== "production"))
      assert.ok(!error.message.includes(text), "the error shows what it refuses");
    return Object.fromEntries(error.fields.map(({ field, description }) => [field, description]));
  }
}

test("random credentials are taken, in a hundred draws", () => {
  for (let draw = 0; draw < 100; draw++) {
    const signing = `${random()}\n${randomBytes(16).toString("hex")}`;
    assert.deepEqual(refused({ ...good(), HEIMDEX_SIGNING: signing }), {});
  }
});

test("of a list of stores the keys are looked at, and not the names of its fields", () => {
  const stores = (key: string) => JSON.stringify([{ bucket: "films", access_key: "films", secret_key: key }]);
  assert.deepEqual(refused({ ...good(), HEIMDEX_PEM: stores(random()) }), {});
  assert.match(refused({ ...good(), HEIMDEX_PEM: stores("minioadmin") }).HEIMDEX_PEM ?? "", /everybody knows/);
});

for (const [name, value, why] of [
  ["a server's default", "minioadmin", /everybody knows/],
  ["a default, made longer", "minioadmin-minioadmin-2026", /everybody knows/],
  ["a word of ours", "heimdex-heimdex-heimdex", /everybody knows/],
  ["what stands in for a secret", "ChangeMe-ChangeMe-42", /everybody knows/],
  ["the key of a manual", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", /everybody knows/],
  ["short", "x7Kq2mZp", /16 characters/],
  ["one letter, many times", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", /repeats itself/],
] as const) {
  test(`production refuses ${name}, as a key, in a list of keys and as a URL's password; elsewhere it is taken`, () => {
    for (const [variable, text] of [
      ["HEIMDEX_STORE_KEY", value],
      ["HEIMDEX_SIGNING", `${random()} ${value}`],
      ["HEIMDEX_DB_URL", `mongodb://heimdex:${encodeURIComponent(value)}@db/`],
    ] as const) {
      const seen = refused({ ...good(), [variable]: text });
      assert.deepEqual(Object.keys(seen), [variable]);
      assert.match(seen[variable] ?? "", why);
      assert.deepEqual(refused({ ...good(), [variable]: text, HEIMDEX_ENV: "" }), {});
      assert.deepEqual(refused({ ...good(), [variable]: text, HEIMDEX_ENV: "development" }), {});
    }
  });
}

test("production refuses a credential that is used twice, and names both uses", () => {
  const shared = random();
  const seen = refused({ ...good(), HEIMDEX_DB_URL: `mongodb://u:${shared}@db/`, HEIMDEX_STORE_KEY: shared });
  assert.match(seen.HEIMDEX_STORE_KEY ?? "", /HEIMDEX_DB_URL/);
});

test("production refuses plain http and nats beyond this machine", () => {
  for (const [address, isRefused] of [
    ["http://minio:9000", true],
    ["http://127.0.0.1.evil.example", true],
    ["tls://a:4222,nats://b:4222", true],
    ["https://minio:9000", false],
    ["http://127.0.0.1:9000", false],
    ["http://[::1]:9000", false],
    ["nats://localhost:4222", false],
    ["tls://nats:4222", false],
    ["minio:9000", true],
    ["127.0.0.1:9000", false],
  ] as const)
    assert.equal(
      "HEIMDEX_STORE_ENDPOINT" in refused({ ...good(), HEIMDEX_STORE_ENDPOINT: address }),
      isRefused,
      address,
    );
});

test("hosts that are said to be this machine may be spoken to in plain text, and no others", () => {
  const own = { HEIMDEX_OWN_MACHINE: "minio, orchestrators" };
  for (const [address, isRefused] of [
    ["http://minio:9000", false],
    ["dns:///orchestrators:8482", false],
    ["http://minio.evil.example:9000", true],
    ["http://minio:9000,http://other:9000", true],
    ["minio@evil.example:9000", true],
  ] as const)
    assert.equal(
      "HEIMDEX_STORE_ENDPOINT" in refused({ ...good(), ...own, HEIMDEX_STORE_ENDPOINT: address }),
      isRefused,
      address,
    );
});

test("what is malformed and what is unsafe is named in one error; a private key may look as it likes", () => {
  const seen = refused({
    HEIMDEX_ENV: "production",
    HEIMDEX_STORE_KEY: "minioadmin",
    HEIMDEX_STORE_ENDPOINT: "http://minio:9000",
    HEIMDEX_SIGNING: "abc",
    HEIMDEX_PEM: "-----BEGIN PRIVATE KEY-----\npassword\n-----END PRIVATE KEY-----",
  });
  assert.deepEqual(Object.keys(seen).sort(), [
    "HEIMDEX_DB_URL",
    "HEIMDEX_SIGNING",
    "HEIMDEX_STORE_ENDPOINT",
    "HEIMDEX_STORE_KEY",
  ]);
});

test("a HEIMDEX_ENV that is no word of ours is refused, lest a typing error turns production off", () => {
  assert.deepEqual(Object.keys(refused({ ...good(), HEIMDEX_ENV: "prod" })), ["HEIMDEX_ENV"]);
});

test("keys with white space between are several, the first of which is used", () => {
  const { signing } = loadConfig(schema, { HEIMDEX_DB_URL: "x", HEIMDEX_SIGNING: "the-new-one\n the-old-one\n" });
  assert.deepEqual(
    signing?.map((key) => key.reveal()),
    ["the-new-one", "the-old-one"],
  );
  assert.equal(JSON.stringify(signing), '["***","***"]');
});
