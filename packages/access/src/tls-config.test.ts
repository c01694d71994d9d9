import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { loadConfig } from "@heimdex/config";
import { z } from "zod";
import { tlsConfig } from "./tls-config.ts";

const schema = z.object({ tls: tlsConfig });
const CERT = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
const KEY = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----";

test("certificate and key go together, and authorities of clients with both", () => {
  assert.equal(loadConfig(schema, {}).tls.cert, undefined);
  const { tls } = loadConfig(schema, { HEIMDEX_TLS_CERT: CERT, HEIMDEX_TLS_KEY: KEY, HEIMDEX_TLS_CLIENT_CA: CERT });
  assert.equal(tls.key?.reveal(), KEY);
  for (const [env, variable] of [
    [{ HEIMDEX_TLS_CERT: CERT }, "HEIMDEX_TLS_KEY"],
    [{ HEIMDEX_TLS_KEY: KEY }, "HEIMDEX_TLS_KEY"],
    [{ HEIMDEX_TLS_CLIENT_CA: CERT }, "HEIMDEX_TLS_CLIENT_CA"],
    [{ HEIMDEX_TLS_CERT: KEY, HEIMDEX_TLS_KEY: KEY }, "HEIMDEX_TLS_CERT"],
    [{ HEIMDEX_TLS_CERT: CERT, HEIMDEX_TLS_KEY: "/run/secrets/key" }, "HEIMDEX_TLS_KEY"],
    [{ HEIMDEX_TLS_CERT_FILE: "/does/not/exist", HEIMDEX_TLS_KEY: KEY }, "HEIMDEX_TLS_CERT_FILE"],
  ] as const)
    assert.throws(
      () => loadConfig(schema, env),
      (error: Error) => error.message.includes(`${variable}: `) && !inspect(error).includes("secret\n"),
      variable,
    );
});
